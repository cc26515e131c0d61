import pytest

from shared.contracts.errors import StoreUnavailable
from shared.mongo.client import connect
from shared.mongo.errors import translated


async def test_a_name_that_no_server_tells_is_a_mongodb_that_is_away() -> None:
    client = connect("mongodb+srv://cluster.nowhere.invalid", service="test")
    try:
        for _ in range(2):  # it is looked up anew each time
            with pytest.raises(StoreUnavailable, match="nowhere"), translated():
                await client.admin.command("hello")
    finally:
        await client.close()
