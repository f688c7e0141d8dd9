"""Protocol of Pro Custodibus: agents and brokers that sign in here, and queues that we pull."""
