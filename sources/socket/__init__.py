"""Events that programs of this host write to a Unix socket."""
