"""`tocsin host` and `tocsin broker`: agents and brokers that sign in here."""
