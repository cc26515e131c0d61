"""One segment of an address's path, whatever it holds: an affiliate, a code, the id of a job.

Browsers, and many programs, take `.` and `..` for steps of a path and remove them, `%2E` and `%2E%2E` alike (WHATWG URL): the address
would be another one. So a tab is written before them, which no name, code or id of ours can hold, and which the reader leaves out.
"""

from typing import Final
from urllib.parse import quote, unquote

STEPS: Final = frozenset({".", ".."})
SHIELD: Final = "\t"
"""Of all control characters the one that strict firewalls let pass, too."""


def write_segment(text: str) -> str:
    """Return `text` as one percent-encoded segment that nobody on the way takes for a step."""
    return quote(SHIELD + text if text in STEPS else text, safe="")


def read_segment(written: str) -> str:
    """Return the text that a percent-encoded segment writes, in either way where it is a step."""
    text = unquote(written)
    return text[1:] if text.startswith(SHIELD) and text[1:] in STEPS else text
