"""MongoDB's upkeep lets all others go first: what tidies up is late without anybody noticing, and takes half the processors of a small
machine for as long as it takes a second (decision 0015).

Linux tells a niceness for each thread. Elsewhere nothing is done.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

NICENESS: Final = 15
"""More than what nobody looks at has (`UNHURRIED`, 10): ingest goes first, too."""

CHECKPOINT: Final = "Checkpointer"


def let_upkeep_yield(pid: int, program: str) -> list[int]:
    """Lower the priority of the threads of mongod's process that evict, split and write pages; return their ids.

    They are the checkpoint's, and those that WiredTiger has made without a name: these are called as the `program` is.
    """
    if sys.platform != "linux":
        return []
    niceness = os.getpriority(os.PRIO_PROCESS, pid) + NICENESS  # the kernel ends it at 19
    yielding = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread may end meanwhile
            if thread.name != str(pid) and (thread / "comm").read_text().strip() in {CHECKPOINT, program}:
                os.setpriority(os.PRIO_PROCESS, int(thread.name), niceness)
                yielding.append(int(thread.name))
    return yielding
