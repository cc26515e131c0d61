"""The live stream, decided without I/O: what is told to whom, in which order, and who is too slow."""
