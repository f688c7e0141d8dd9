"""`tocsin demo`: a store, a receiver and events that are made up and thrown away."""
