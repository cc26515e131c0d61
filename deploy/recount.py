"""`ponte recount`: have the counts of the summary taken anew from the log."""

from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.errors import CommandError
from deploy.instance import database_name, mongo_uri
from shared.contracts.names import PROJECTIONS
from shared.contracts.rollups import PROJECTION


def ask_to_recount() -> str:
    """Leave the wish where ingest finds it within seconds; return a sentence. Raise CommandError when MongoDB does not answer."""
    try:
        with MongoClient[dict[str, Any]](mongo_uri(), appname="ponte.cli", serverSelectionTimeoutMS=5_000) as client:
            asked = client[database_name()][PROJECTIONS].update_one({"_id": PROJECTION}, {"$set": {"rebuild": True}})
    except PyMongoError as error:
        raise CommandError(
            f"MongoDB does not answer ({type(error).__name__}): `ponte doctor` looks at what runs here, "
            "PONTE_MONGO_URI names another one"
        ) from error
    if not asked.matched_count:
        return (
            "nothing was ever counted there: ingest does so when it starts; look whether PONTE_MONGO_DATABASE is right"
        )
    return f"asked: ingest counts the log of {database_name()} anew; the old counts answer meanwhile"
