"""Real Kafka and MongoDB on this machine, for `ponte up` and the tests: given, in Docker, or embedded."""
