"""How the exporter speaks to MongoDB, to GridFS and to the three file formats."""
