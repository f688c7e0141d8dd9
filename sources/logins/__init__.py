"""Who signs in, and who fails to: to this Tocsin, and to this host by SSH."""
