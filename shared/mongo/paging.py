"""A list in the order of an instant and the id, read from a place on, newest first or oldest first."""

from datetime import datetime

from shared.mongo.queries import Query


def order_by(instant: str, *, ascending: bool) -> list[tuple[str, int]]:
    """Return the order of documents by their field `instant`; those of one instant by their id."""
    direction = 1 if ascending else -1
    return [(instant, direction), ("_id", direction)]


def beyond(query: Query, instant: str, at: datetime, identity: str, *, ascending: bool) -> Query:
    """Return the documents of `query` after the one at (`at`, `identity`) in that order."""
    strictly = "$gt" if ascending else "$lt"
    places = [{instant: {strictly: at}}, {instant: {"$eq": at}, "_id": {strictly: identity}}]
    return {"$and": [query, {instant: {f"{strictly}e": at}}, {"$or": places}]}
