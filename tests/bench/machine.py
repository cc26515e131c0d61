"""What the machine was like: a rate without it says nothing."""

import os
import platform
from dataclasses import dataclass

import psutil

QUIET_LOAD = 1.5
"""A load average above this at the start: others work here, no verdict is given."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Cores, load average of the last minute at the start, memory in bytes, and which system."""

    cores: int
    load: float
    memory: int
    system: str

    @classmethod
    def now(cls) -> "Machine":
        """Look at this machine."""
        system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
        return cls(os.cpu_count() or 0, os.getloadavg()[0], psutil.virtual_memory().total, system)

    @property
    def quiet(self) -> bool:
        """Whether figures of this run may be judged."""
        return self.load <= QUIET_LOAD

    def sentence(self) -> str:
        """Return one line for the top of a table."""
        facts = (
            f"{self.cores} cores, {self.memory / 2**30:.0f} GiB, load average {self.load:.2f} at start, {self.system}"
        )
        if self.quiet:
            return facts
        return f"{facts}\n\n**No verdict: the machine was busy (load average above {QUIET_LOAD}). Only ratios mean anything, and those roughly.**"
