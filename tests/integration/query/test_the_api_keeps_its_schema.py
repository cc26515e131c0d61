"""schemathesis makes requests out of /openapi.json, good and bad, and holds every answer against it."""

import pytest

from deploy.local.servers import Servers
from tests.support.api_fuzz import ask_everything

BRIEF = ("--generation-deterministic", "--max-examples", "10", "--no-shrink", "--workers", "2")


def test_no_request_breaks_the_api_and_every_answer_is_as_documented(servers: Servers, database_name: str) -> None:
    done = ask_everything(servers, database_name, *BRIEF)

    if done.returncode:
        pytest.fail(done.stdout, pytrace=False)
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in done.stdout
