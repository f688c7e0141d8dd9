"""Screens that every place is made of: lists, forms, dialogs and help."""
