"""Who calls ingest: its lanes with batches of events and with gaps, one more intake with dead letters, Faust with replay commands, the
runner of replay jobs, the stream of changes for the counts, the clock.
"""
