"""The query API as the command line calls it: the client of `shared/client`, whose errors become sentences for a person."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from deploy.errors import CommandError
from shared.client import Damaged, Ponte, Refused, StillRunning, Unreachable, Unreadable
from shared.client.ponte import ATTEMPTS, TIMEOUT_SECONDS


@contextmanager
def asking(
    address: Mapping[str, str], *, attempts: int = ATTEMPTS, timeout_seconds: float = TIMEOUT_SECONDS
) -> Iterator[Ponte]:
    """Give the client of the API at `address` (url, key). Raise CommandError with what went wrong."""
    with Ponte(address["url"], address["key"], attempts=attempts, timeout_seconds=timeout_seconds) as ponte:
        try:
            yield ponte
        except (Refused, StillRunning, Damaged, Unreadable) as error:
            raise CommandError(str(error)) from error
        except Unreachable as error:
            raise CommandError(
                f"the API at {address['url']} does not answer ({error}): `ponte status` tells what runs"
            ) from error
