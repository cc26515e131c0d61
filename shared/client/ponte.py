"""The whole API, by its nouns."""

from typing import Final, Self

from shared.client.access import Audit, Keys
from shared.client.answers.access import LivenessAnswer, ReadinessAnswer, SignInCode
from shared.client.errors import ClientError
from shared.client.imports import Imports
from shared.client.integrations import Integrations
from shared.client.jobs import Exports, Reprocesses
from shared.client.letters import Letters
from shared.client.logs import Logs
from shared.client.stream import Stream
from shared.client.transport import Transport, operation
from shared.client.views import Views

TIMEOUT_SECONDS: Final = 30.0
ATTEMPTS: Final = 4
FAILING: Final = frozenset({503})


class Ponte:
    """One Ponte, asked with one key. Close it, or use it as a context manager."""

    def __init__(
        self, url: str, key: str, *, timeout_seconds: float = TIMEOUT_SECONDS, attempts: int = ATTEMPTS
    ) -> None:
        self._transport = Transport(url, key, timeout_seconds=timeout_seconds, attempts=attempts)
        self.logs = Logs(self._transport)
        self.stream = Stream(self._transport)
        self.reprocesses = Reprocesses(self._transport)
        self.exports = Exports(self._transport)
        self.imports = Imports(self._transport)
        self.letters = Letters(self._transport)
        self.integrations = Integrations(self._transport)
        self.views = Views(self._transport)
        self.keys = Keys(self._transport)
        self.audit = Audit(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @operation("create_sign_in_code")
    def create_sign_in_code(self, *, key: str | None = None) -> SignInCode:
        """Return a one-time link that signs in to the panel."""
        return self._transport.post(SignInCode, "/v1/sign-in-codes", key=key)

    @operation("get_liveness")
    def liveness(self) -> LivenessAnswer:
        """Return whether the process works."""
        return self._transport.get(LivenessAnswer, "/health/live", taken=FAILING)

    @operation("get_readiness")
    def readiness(self) -> ReadinessAnswer:
        """Return whether requests can be answered, and what is missing."""
        return self._transport.get(ReadinessAnswer, "/health/ready", taken=FAILING)

    def is_ready(self) -> bool:
        """Say whether the API answers and has its database."""
        try:
            return self.readiness().status == "ok"
        except ClientError:
            return False
