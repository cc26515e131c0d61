"""What Ponte is made of."""

from typing import Final

SERVICES: Final = ("ingest", "query", "reprocessor", "exporter")
"""Each is a package in `services/`, a command of `ponte`, and a process of `ponte up`."""
