"""What travels and what is stored. Pure: no I/O, no client library, no clock."""
