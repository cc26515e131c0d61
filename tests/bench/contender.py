"""What every contender is to the benchmark: processes that read one topic and write one database, and what they leave undone.

All of them yield to MongoDB, as ours does wherever `ponte up` runs it.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.local.process import ChildProcess

HOUSE = Path(__file__).parents[2]
DATABASE = "bench"
CACHE_GB = 4
"""The demo's MongoDB has 1 GB of cache, a server of its own half of the memory. With 1 GB, after half a million events, evicting costs
as much again as inserting.
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Fresh servers, provisioned, and an empty folder for logs and files."""

    bootstrap: str
    mongo_uri: str
    folder: Path
    database: str = DATABASE


class Contender(Protocol):
    """`writes_attempts` False: state only. `own_model` True: documents and indexes are ours; else those of the raw event."""

    name: str
    writes_attempts: bool
    own_model: bool
    undone: str

    def prepare(self) -> None:
        """Fetch what is needed, before any clock runs."""

    def start(self, stage: Stage) -> Sequence[ChildProcess]:
        """Start its processes and return them; they read `TOPIC` from its beginning."""


def python(
    stage: Stage, name: str, module: str, *arguments: str, niceness: int = 0, **environment: str
) -> ChildProcess:
    """Start `python -m module` with the stage's addresses in its environment; its output goes to a log of that name."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PONTE_")}
    tuned = {key: value for key, value in os.environ.items() if key.startswith("PONTE_INGEST_")}
    addresses = {
        "PONTE_KAFKA_BOOTSTRAP": stage.bootstrap,
        "PONTE_MONGO_URI": stage.mongo_uri,
        "PONTE_MONGO_DATABASE": stage.database,
        "PONTE_HEALTH_PORT": "0",
    }
    return ChildProcess(
        name,
        [sys.executable, "-m", module, *arguments],
        {**kept, **tuned, **addresses, "PYTHONPATH": str(HOUSE), **environment},
        stage.folder / f"{name}.log",
        cwd=stage.folder,
        niceness=niceness,
    ).start()
