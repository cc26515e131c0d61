"""The stories of ingest: `ingesting` for the events, `replaying` for a dead letter that is wanted back."""
