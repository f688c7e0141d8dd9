"""Sign-ins, good ones and failures: to this Tocsin, and to this host by SSH."""
