"""How `python -m services.<name>` begins and how it fails: one clear sentence, an exit code, no stack trace.

| exit | means |
|---|---|
| 0 | asked to stop, and stopped |
| 2 | cannot start as configured: a setting is wrong, a port is taken |
| 70 | a defect of ours, nothing done for too long, or a limit that stops the worker on purpose: see the last log line |
| 75 | asked to stop, but something did not end in time: what was in hand is done again by the next one |
"""

import sys
from collections.abc import Callable
from typing import Final

from shared.contracts.errors import PonteError

EXIT_CONFIGURATION: Final = 2
EXIT_DEFECT: Final = 70
EXIT_STOPPED_LATE: Final = 75


def start(service: Callable[[], object]) -> None:
    """Run `service`; an error of ours or of the operating system on the way ends the process with one sentence."""
    try:
        service()
    except (PonteError, OSError) as error:
        sys.stderr.write(f"ponte: {error}\n")
        sys.exit(EXIT_CONFIGURATION)
