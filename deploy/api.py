"""The query API as the command line calls it: JSON in, JSON out, one sentence when it fails."""

import json
import urllib.error
import urllib.request
from typing import Any

from deploy.errors import CommandError

TIMEOUT_SECONDS = 30.0


class Api:
    """One Ponte's HTTP API."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._key = key

    def is_ready(self) -> bool:
        """Say whether the API answers and has its database."""
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=2) as answer:  # noqa: S310  # our own address
                return bool(answer.status == 200)  # noqa: PLR2004
        except OSError:
            return False

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer's JSON. Raise CommandError with what the API says is wrong."""
        with self.open(method, path, body) as answer:
            return json.load(answer)

    def open(self, method: str, path: str, body: object = None) -> Any:
        """Return the open answer, for what is no JSON."""
        request = urllib.request.Request(  # noqa: S310  # our own address
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        try:
            return urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310
        except urllib.error.HTTPError as error:
            raise CommandError(f"{method} {path}: {_problem(error)}") from error
        except OSError as error:
            raise CommandError(
                f"the API at {self.url} does not answer ({error}): `ponte status` tells what runs"
            ) from error


def _problem(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.load(error)
        found = "; ".join(f"{item['field']}: {item['reason']}" for item in problem.get("errors") or ())
        return f"{error.code} {problem.get('title', '')}: {found or problem.get('detail', '')}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{error.code} {error.reason}"
