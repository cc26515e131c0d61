"""How the ports of the stories are said to MongoDB and Kafka."""
