"""What the screens of every place are made of."""
