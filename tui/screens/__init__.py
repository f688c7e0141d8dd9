"""Base screens that the others are made of: lists, forms, dialogs and help."""
