"""Ours: `python -m services.ingest` as it ships, one process or several in one group."""

from collections.abc import Sequence

from deploy.local.process import UNHURRIED, ChildProcess
from tests.bench.contender import Stage, python


class Ours:
    """State and attempts, guarded, with dead letters and metrics."""

    writes_attempts = True
    own_model = True
    undone = ""

    def __init__(self, processes: int = 1) -> None:
        self.name = "ours" if processes == 1 else f"ours x{processes}"
        self._processes = processes

    def prepare(self) -> None:
        """Nothing to fetch."""

    def start(self, stage: Stage) -> Sequence[ChildProcess]:
        """Start the workers."""
        return [
            python(stage, f"ingest-{number}", "services.ingest", niceness=UNHURRIED, PONTE_INGEST_GROUP="bench.ingest")
            for number in range(self._processes)
        ]
