"""The WireGuard host as a source: what `wg show all dump` says, compared with what it said last."""
