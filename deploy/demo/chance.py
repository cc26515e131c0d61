"""Chance that repeats itself: every choice is seeded by what it is about."""

import random
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def dice(*about: object) -> random.Random:
    """Return dice that always fall alike for the same words."""
    return random.Random("|".join(map(str, ("ponte", *about))))  # noqa: S311  # a simulation that must repeat itself


def happens(thrown: random.Random, share: float) -> bool:
    """Tell whether something that happens in that share of all cases happens in this one."""
    return thrown.random() < share


def one_of(thrown: random.Random, weights: Mapping[T, float]) -> T:
    """Return one of the keys, as often as its weight says."""
    return thrown.choices(list(weights), list(weights.values()))[0]
