"""Who calls ingest: the intake with batches of records, Faust with replay commands."""
