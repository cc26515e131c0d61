"""Runs → a table for people, and the targets held against it."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import orjson

from tests.bench.contender import Contender
from tests.bench.machine import Machine
from tests.bench.measure import Run

Runs = Mapping[str, Sequence[Run | str]]
Results = dict[tuple[int, str], dict[str, list[Run | str]]]

TARGETS = (
    ("ours", "connect2", 1.25, "Connect, state only, two tasks"),
    ("ours", "connect1", 1.7, "Connect, state only, one task"),
    ("ours", "connect-both", 3.0, "Connect, both writes"),
    ("ours", "bare", 0.9, "bare loop of the same write model"),
)
CPU_LIMIT = 1.3

NOT_RUN = "not run: out of time"


def render(results: Results, contenders: Mapping[str, Contender], machine: Machine, mode: str) -> str:
    """Return the whole page."""
    parts = [f"# Ingest, side by side ({mode})", machine.sentence()]
    for (size, keys), runs in results.items():
        title = "all keys new" if keys == "new" else "keys by Zipf 1.1"
        events = max((run.events for tries in runs.values() for run in tries if isinstance(run, Run)), default=0)
        parts += [
            f"## {size / 1024:.1f} kB, {title}, {events:,} events after the warm-up",
            _table(runs, contenders),
            _verdicts(runs, machine),
            _same_documents(runs),
        ]
    parts += ["## What the others leave undone", _undone(contenders)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(runs: Runs, contenders: Mapping[str, Contender]) -> str:
    lines = [
        "| contender | writes | events/s | spread | CPU-s per 1,000 events | mongod | Kafka | peak RSS, PSS MB | documents |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, tries in runs.items():
        lines.append(_row(contenders[name], tries))
    return "\n".join(lines)


def _row(contender: Contender, tries: Sequence[Run | str]) -> str:
    writes = "state + attempts" if contender.writes_attempts else "state"
    done = [run for run in tries if isinstance(run, Run)]
    if not done:
        return f"| {contender.name} | {writes} | {str(tries[-1])[:120].replace('|', '/')} | | | | | | |"
    rates = [run.rate for run in done]
    wrong = next((run.wrong for run in done if run.wrong), "as published")
    cells = [
        contender.name,
        writes,
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f} to {max(rates):,.0f} ({len(done)} of {len(tries)})",
        *(f"{_per_thousand(done, part):.3f}" for part in ("contender_cpu", "mongod_cpu", "kafka_cpu")),
        f"{max(run.peak_rss for run in done) / 1e6:.0f}, {max(run.peak_pss for run in done) / 1e6:.0f}",
        wrong,
    ]
    return f"| {' | '.join(cells)} |"


def _verdicts(runs: Runs, machine: Machine) -> str:
    lines = ["| target | measured | |", "|---|---|---|"]
    for one, other, target, title in TARGETS:
        if (ratio := _ratio(runs, one, other)) is not None:
            lines.append(f"| ≥ {target} x {title} | {ratio:.2f} x | {_verdict(machine, met=ratio >= target)} |")
    if (ratio := _cpu_ratio(runs)) is not None:
        lines.append(
            f"| CPU ≤ {CPU_LIMIT} x the bare loop's | {ratio:.2f} x | {_verdict(machine, met=ratio <= CPU_LIMIT)} |"
        )
    if (ratio := _ratio(runs, "ours2", "ours")) is not None:
        lines.append(f"| two workers beside one | {ratio:.2f} x | mongod {_busy(runs, 'ours2'):.0%} of a core |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _same_documents(runs: Runs) -> str:
    """Say whether those that write our model left the same documents as `ours`, and where the first difference is."""
    samples = {name: next((run.sample for run in tries if isinstance(run, Run)), {}) for name, tries in runs.items()}
    ours = samples.get("ours") or {}
    others = {name: sample for name, sample in samples.items() if sample and name != "ours"}
    if not ours or not others:
        return ""
    for name, sample in others.items():
        for identity, document in ours.items():
            if (other := sample.get(identity)) != document:
                fields = _different_fields(orjson.loads(document), orjson.loads(other or b"{}"))
                return f"**`{name}` does not write our documents:** `{identity!r}` differs in {', '.join(fields)}."
    return f"Same documents as ours ({len(ours)} compared): {', '.join(others)}."


def _different_fields(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    differing = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    if differing == ["state"]:
        return [f"state.{name}" for name in _different_fields(one["state"], other["state"])]
    return differing


def _verdict(machine: Machine, *, met: bool) -> str:
    if not machine.quiet:
        return "no verdict (busy)"
    return "met" if met else "**missed**"


def _ratio(runs: Runs, one: str, other: str) -> float | None:
    rates = [[run.rate for run in runs.get(name, ()) if isinstance(run, Run)] for name in (one, other)]
    return median(rates[0]) / median(rates[1]) if all(rates) else None


def _cpu_ratio(runs: Runs) -> float | None:
    done = [[run for run in runs.get(name, ()) if isinstance(run, Run)] for name in ("ours", "bare")]
    return _per_thousand(done[0], "contender_cpu") / _per_thousand(done[1], "contender_cpu") if all(done) else None


def _busy(runs: Runs, name: str) -> float:
    return median(run.mongod_cpu / run.seconds for run in runs[name] if isinstance(run, Run))


def _per_thousand(done: Sequence[Run], part: str) -> float:
    return float(median(getattr(run, part) / run.events * 1000 for run in done))


def _undone(contenders: Mapping[str, Contender]) -> str:
    return "\n".join(f"- {one.name}: {one.undone}" for one in contenders.values() if one.undone)
