"""What the outages came to, as figures and as a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contracts.names import MIB
from tests.bench.machine import Machine

TARGET = 0.9
Sample = tuple[float, int]


@dataclass(frozen=True, slots=True)
class Drain:
    """Events a second while it lasted; seconds from the beginning to the first commit, and until nothing was left to catch up with."""

    rate: float
    first: float
    whole: float


@dataclass(frozen=True, slots=True)
class Outage:
    """One server's. `moved` is how far commits went while MongoDB was away; memory in bytes; `wrong` names broken invariants."""

    server: str
    seconds: float
    load: float
    maximum: Drain
    drained: Drain
    moved: int
    peak: int
    wrong: str

    @property
    def share(self) -> float:
        """The drain as a share of the maximum."""
        return self.drained.rate / self.maximum.rate


def drain_of(samples: Sequence[Sample]) -> Drain:
    """Return the drain that (seconds, offsets committed) tell of."""
    still = [at for at, sample in enumerate(samples) if sample[1] == samples[0][1]][-1]
    (first, before), (whole, after) = samples[still], samples[-1]
    return Drain((after - before) / (whole - first) if whole > first else 0.0, first, whole)


def render(found: Sequence[Outage], machine: Machine) -> str:
    """Return the page."""
    lines = [
        "| away | load/s | maximum/s | drained/s | share | first commit after s | caught up after s | commits meanwhile | peak MiB | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        figures = (one.load, one.maximum.rate, one.drained.rate)
        cells = [
            f"{one.server}, {one.seconds:.0f} s",
            *(f"{figure:,.0f}" for figure in figures),
            f"{one.share:.0%}",
            f"{one.drained.first:.1f}",
            f"{one.drained.whole:.1f}",
            str(one.moved),
            f"{one.peak / MIB:.0f}",
            _verdict(one, machine),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    wrong = "".join(f"\n**{one.server}: {one.wrong}**\n" for one in found if one.wrong)
    target = f"Target: drained at {TARGET:.0%} of the maximum or more, nothing lost, nothing doubled."
    return f"# What waits out an outage\n\n{machine.sentence()}\n\n" + "\n".join(lines) + f"\n\n{target}\n{wrong}"


def _verdict(one: Outage, machine: Machine) -> str:
    if one.wrong or one.moved:
        return "**broken**"
    if not machine.quiet:
        return "whole; no verdict on speed (busy)"
    return "met" if one.share >= TARGET else "**missed**"
