"""The kernel that the services share: contracts, the Kafka edge, the MongoDB edge, and how a service runs."""
