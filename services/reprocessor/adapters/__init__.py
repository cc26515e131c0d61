"""How it is said to MongoDB and Kafka."""
