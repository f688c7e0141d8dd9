"""Admin: its panel, and the screens of alerts, settings, the audit trail and the worker."""
