"""The form of a webhook: adding, editing and duplicating one."""
