"""Measured views → a page for people, and the targets held against them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from tests.bench.machine import Machine

P50_OVER_RAW, P99_OF_LISTS, P99_OF_SEARCHES, P99_OF_COUNTS, GROWTH = 3.0, 50.0, 100.0, 100.0, 1.2
HELD_AGAINST_THE_DRIVER = frozenset({"list", "deep"})
"""Kinds of views for which it is a target how much longer than the driver they take."""

LIMITS = {
    "list": P99_OF_LISTS,
    "deep": P99_OF_LISTS,
    "detail": P99_OF_LISTS,
    "search": P99_OF_SEARCHES,
    "counts": P99_OF_COUNTS,
}
FIRST_PAGE, NEW_PAGES = "tab", "pages in turn"
"""The views that a deep page is held against. What everybody looks at is remembered, which says nothing of depth."""

NOISE_MS = 1.0
"""A difference that is less says nothing: a ratio of two short times is mostly the machine's."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from the instant a request was due; CPU milliseconds of a request in query and in MongoDB."""

    p50: float
    p95: float
    p99: float
    failed: int
    wrong: str
    query_cpu: float
    mongod_cpu: float

    @classmethod
    def of(cls, told: dict[str, Any], query_cpu: float, mongod_cpu: float) -> "Times":
        """Return what a load told, with the CPU seconds that went by meanwhile."""
        cuts = quantiles(told["took"], n=100, method="inclusive")
        each = 1000 / len(told["took"])
        wrong = " ".join(told["wrong"][:1])
        return cls(cuts[49], cuts[94], cuts[98], told["failed"], wrong, query_cpu * each, mongod_cpu * each)


@dataclass(frozen=True, slots=True)
class Measured:
    """One view of one shop. `raw` is None for counts; `keys` (and bytes resident, `rss`) at most; `beside` is ingest's rate."""

    name: str
    kind: str
    entries: int
    ours: Times
    raw: Times | None
    keys: int | None
    rss: int
    beside: int = 0


def render(found: Sequence[Measured], machine: Machine, rate: float) -> str:
    """Return the whole page."""
    parts = [f"# Query: every view at {rate:g} requests a second, open loop", machine.sentence()]
    for entries, beside in dict.fromkeys((one.entries, one.beside) for one in found):
        told = [one for one in found if (one.entries, one.beside) == (entries, beside)]
        title = f"## {entries:,} entries" + (f", while ingest takes {beside:,} events/s" if beside else "")
        parts += [title, _table(told)]
    parts += ["## Targets", _verdicts(found, machine)]
    return "\n\n".join(parts) + "\n"


def _table(found: Sequence[Measured]) -> str:
    lines = [
        "| view | p50 ms | p95 | p99 | driver p50 | p99 | p50 more than the driver | CPU ms: query | mongod | keys | RSS MB | failed |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        raw = one.raw
        cells = [
            one.name,
            *(f"{number:.1f}" for number in (one.ours.p50, one.ours.p95, one.ours.p99)),
            *((f"{raw.p50:.1f}", f"{raw.p99:.1f}", f"{one.ours.p50 - raw.p50:+.1f}") if raw else ("", "", "")),
            f"{one.ours.query_cpu:.1f}",
            f"{one.ours.mongod_cpu:.1f}",
            "" if one.keys is None else f"{one.keys:,}",
            f"{one.rss / 1e6:.0f}",
            f"{one.ours.failed} {one.ours.wrong}".strip() if one.ours.failed else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _verdicts(found: Sequence[Measured], machine: Machine) -> str:
    lines = ["| target | missed by | |", "|---|---|---|"]
    for title, missed in _checks(found):
        verdict = "no verdict (busy)" if not machine.quiet else "**missed**" if missed else "met"
        lines.append(f"| {title} | {'; '.join(missed)} | {verdict} |")
    return "\n".join(lines)


def _checks(found: Sequence[Measured]) -> list[tuple[str, list[str]]]:
    lists = [one for one in found if one.kind in HELD_AGAINST_THE_DRIVER]
    return [
        ("p50 ≤ the driver's + 3 ms (lists)", [_said(one) for one in lists if one.raw and one.ours.p50 > one.raw.p50 + P50_OVER_RAW]),
        ("p99 ≤ 50 ms (lists, entry, history), 100 ms (searches, counts)", [_said(one) for one in found if one.ours.p99 > LIMITS.get(one.kind, 5_000)]),
        ("the largest shop ≤ 1.2 x the smallest", _grown(found)),
        ("a deep page ≤ 1.2 x one near the beginning that nobody looked at either", _deeper(found, NEW_PAGES)),
        ("a deep page ≤ 1.2 x the first, whose rows are remembered", _deeper(found, FIRST_PAGE)),
        ("keys ≤ 50 for each row", [_said(one) for one in found if (one.keys or 0) > 50 * 50 + 120]),
        ("every request answered", [f"{_said(one)}: {one.ours.failed}" for one in found if one.ours.failed]),
    ]  # fmt: skip


def _grown(found: Sequence[Measured]) -> list[str]:
    alone = [one for one in found if not one.beside]
    sizes = [one.entries for one in alone]
    small = {one.name: one for one in alone if one.entries == min(sizes)}
    large = [one for one in alone if one.entries == max(sizes) and one.name in small]
    return [
        _said(one)
        for one in large
        if one.ours.p50 > max(GROWTH * small[one.name].ours.p50, small[one.name].ours.p50 + NOISE_MS)
    ]


def _deeper(found: Sequence[Measured], than: str) -> list[str]:
    shallow = {(one.entries, one.beside): one.ours.p50 for one in found if one.name == than}
    deep = [one for one in found if one.kind == "deep" and (one.entries, one.beside) in shallow]
    first = [shallow[one.entries, one.beside] for one in deep]
    return [
        _said(one) for one, p50 in zip(deep, first, strict=True) if one.ours.p50 > max(GROWTH * p50, p50 + NOISE_MS)
    ]


def _said(one: Measured) -> str:
    return f"{one.name} of {one.entries:,}" + (" beside ingest" if one.beside else "")
