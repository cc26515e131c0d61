from dataclasses import replace

from tests.bench.machine import Machine
from tests.bench.outage_page import Drain, Outage, drain_of, render

GOOD = Outage("mongo", 60, 2000, Drain(10_000, 1, 12), Drain(9_500, 2, 14), 0, 2**27, "")
QUIET, BUSY = Machine(2, 0.3, 2**30, "Linux"), Machine(2, 9.0, 2**30, "Linux")


def test_a_drain_is_measured_from_the_first_commit_that_moves_to_the_last() -> None:
    samples = [(0.0, 100), (1.0, 100), (2.0, 100), (3.0, 600), (4.0, 1100)]

    assert drain_of(samples) == Drain(rate=500.0, first=2.0, whole=4.0)


def test_a_drain_of_nothing_is_no_accident() -> None:
    assert drain_of([(0.0, 100)]).rate == 0


def test_speed_is_judged_on_a_quiet_machine_alone() -> None:
    slow = replace(GOOD, drained=Drain(8_900, 2, 14))

    assert "| met |" in render([GOOD], QUIET)
    assert "**missed**" in render([slow], QUIET)
    assert "no verdict" in render([slow], BUSY)


def test_what_is_lost_or_committed_too_soon_is_broken_whatever_the_speed() -> None:
    lost = render([replace(GOOD, wrong="I1: acknowledged, but no attempt: e1")], BUSY)

    assert "**broken**" in lost
    assert "e1" in lost
    assert "**broken**" in render([replace(GOOD, moved=3)], QUIET)
