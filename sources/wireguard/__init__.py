"""Source of WireGuard events: each output of `wg show all dump` is compared with the last."""
