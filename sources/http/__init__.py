"""What programs, agents and brokers ask of this Tocsin over HTTP."""
