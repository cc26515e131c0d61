"""`python -m services.query` with the environment that a test gives it, whether it gets ready or not."""

import contextlib
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator


@contextlib.contextmanager
def running(port: int, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Run it for the block; what it says waits in `stderr`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "services.query"],
        env={**os.environ, "PONTE_HTTP_PORT": str(port), "PONTE_HEALTH_PORT": "0", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def status(port: int, path: str, key: str = "") -> int:
    """Return the status of an answer; 0: none came."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
