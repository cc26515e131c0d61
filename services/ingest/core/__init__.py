"""What a record says, what becomes of it, and what a batch will write. Pure."""
