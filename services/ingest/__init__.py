"""Kafka → log. Entries and attempts are durable in MongoDB before an offset moves on.

One bad record never holds or harms another: it becomes a dead letter, whole, with the reason. Nothing is lost, nothing doubled.
"""
