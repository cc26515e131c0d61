"""Servers that somebody else runs, and what is said of those that will not do."""

import pytest

from deploy.local.errors import LocalServerError
from deploy.local.given import check_mongo
from deploy.local.servers import Servers


def test_a_mongodb_that_lets_nobody_in_is_not_told_as_one_that_is_away(servers: Servers) -> None:
    uri = servers.mongo.uri.replace("mongodb://", "mongodb://ponte:s3cret@")
    with pytest.raises(LocalServerError, match=r"lets nobody in \(Authentication failed\): correct user") as told:
        check_mongo(uri)
    assert "s3cret" not in str(told.value)


def test_a_mongodb_that_answers_is_taken(servers: Servers) -> None:
    check_mongo(servers.mongo.uri)
