"""How a service runs; the same for all four."""
