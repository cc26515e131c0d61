"""The one Kafka edge: batches in, messages out, topics."""
