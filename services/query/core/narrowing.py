"""What to tell whoever asked for more than can be found in time: by what the question could be narrowed."""

from shared.contracts.filters import LogFilter


def too_broad(rows: LogFilter, *, within_ms: int) -> str:
    """Return the sentence for a question that took longer than `within_ms`."""
    return f"the answer takes longer than {within_ms / 1000:g} s; narrow the question by {_ways(rows)}"


def too_many_affiliates(limit: int) -> str:
    """Return the sentence for an order that more affiliates than `limit` would have to be merged for."""
    return f"more than {limit} affiliates cannot be listed by code together; name some by `affiliate`"


def too_long_a_story(*, within_ms: int) -> str:
    """Return the sentence for a story that took longer than `within_ms`."""
    return (
        f"the story takes longer than {within_ms / 1000:g} s; narrow it by `kind`, or ask for the attempts of one entry"
    )


def too_long_a_history(*, within_ms: int) -> str:
    """Return the sentence for the history of one item that took longer than `within_ms`."""
    return (
        f"the item was tried so often that putting its attempts in order takes longer than {within_ms / 1000:g} s; "
        "the entry itself tells the newest"
    )


def _ways(rows: LogFilter) -> str:
    unused = [
        name
        for name, is_used in (
            ("`kind`", rows.kind),
            ("`affiliate`", rows.affiliate),
            ("`status`", rows.statuses),
            ("`error_code`", rows.error_code),
            ("a shorter period (`from`, `to`)", False),
            ("more letters or words in `q`", not rows.q),
        )
        if not is_used
    ]
    return ", ".join(unused[:-1]) + f" or {unused[-1]}" if len(unused) > 1 else unused[0]
