"""How often a client looks for a broker that is away: the same for all clients of a process, and seldom, since a process has several."""

from typing import Final

RECONNECT_SECONDS: Final = 2.0
"""After so long at most, a broker that came back is found. A connection that breaks is made again at once, all the same."""

RECONNECT: Final = {
    "reconnect.backoff.ms": int(RECONNECT_SECONDS * 1000),
    "reconnect.backoff.max.ms": int(RECONNECT_SECONDS * 1000),
}
"""As librdkafka takes it. Both: while no broker answers it forgets them, meets them as if for the first time, and begins at the first."""
