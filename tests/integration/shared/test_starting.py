"""Services as processes that cannot start as configured."""

import os
import socket
import subprocess
import sys

import pytest

SERVICES = ("ingest", "query", "reprocessor", "exporter")
NOWHERE = {"PONTE_KAFKA_BOOTSTRAP": "127.0.0.1:1", "PONTE_MONGO_URI": "mongodb://127.0.0.1:1/?directConnection=true"}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_health_port_that_is_taken_is_told_in_one_line(service: str, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        given = {"PONTE_HEALTH_HOST": host, "PONTE_HEALTH_PORT": str(port), "PONTE_HTTP_PORT": "0"}
        ended = subprocess.run(
            [sys.executable, "-m", f"services.{service}"],
            env={**os.environ, **NOWHERE, **given},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert ended.returncode == 2
    assert ended.stderr == (
        f"ponte: cannot listen on {host}:{port}: Address already in use; set PONTE_HEALTH_PORT to a free port\n"
    )
