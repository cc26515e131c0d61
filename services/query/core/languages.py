"""Which language an answer is in."""

from typing import Final

from shared.contracts.catalogue import LANGUAGES, Language

DEFAULT: Final[Language] = "pt"


def choose_language(asked: str | None, accept_language: str) -> Language:
    """Return the language asked for, else the one the Accept-Language header likes best, else Portuguese."""
    wishes = [asked] if asked else _by_preference(accept_language)
    for wish in wishes:
        for language in LANGUAGES:
            if wish.lower().split("-")[0] == language:
                return language
    return DEFAULT


def _by_preference(header: str) -> list[str]:
    weighed = [(_weight(part), part.partition(";")[0].strip()) for part in header.split(",")[:20]]
    return [language for weight, language in sorted(weighed, key=lambda pair: -pair[0]) if weight > 0]


def _weight(part: str) -> float:
    text = part.partition("q=")[2].strip()
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
