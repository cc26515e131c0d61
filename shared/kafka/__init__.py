"""The one Kafka edge: batches in, messages out, dead letters, and whether a silence is Kafka's or ours."""
