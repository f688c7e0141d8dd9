"""The events of a Pro Custodibus account, pulled as its broker pulls them."""
