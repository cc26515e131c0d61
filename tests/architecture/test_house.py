"""The checks of `make check`, as facts of the suite: what CI runs is `make test` alone."""

import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
PATIENCE_SECONDS = 240


def complaints(*command: str) -> str:
    """Return what the check says when it fails, nothing when it passes."""
    done = subprocess.run(
        [PROGRAMS / command[0], *command[1:]],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else ""


def test_the_rooms_hold() -> None:
    if found := complaints("lint-imports", "--no-cache"):
        pytest.fail(found, pytrace=False)


def test_types_hold() -> None:
    if found := complaints("mypy"):
        pytest.fail(found, pytrace=False)


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "--quiet", "."), ("ruff", "format", "--check", "--quiet", ".")],
    ids=["lint", "format"],
)
def test_style_holds(command: tuple[str, ...]) -> None:
    if found := complaints(*command):
        pytest.fail(found, pytrace=False)
