"""How ingest speaks to MongoDB and Kafka. These touch and decide nothing."""
