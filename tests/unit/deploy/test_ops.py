from argparse import Namespace

import pytest

from deploy.errors import CommandError
from deploy.ops import reprocess

ASKED = {"kind": "order", "codes": [], "affiliate": None, "filter": [], "reason": "", "max_per_second": None}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"codes": ["X1"]}, "add --affiliate"),
        ({"codes": ["X1"], "affiliate": "MLC", "filter": ["status=warning"]}, "codes or --filter, not both"),
        ({"affiliate": "MLC", "filter": ["affiliate=SHP"]}, "not both"),
        ({"filter": ["status="]}, "filter.status: is empty"),
        ({"filter": ["colour=red"]}, "NAME one of"),
        ({"max_per_second": 0}, "max_per_second"),
    ],
)
def test_what_would_send_something_else_than_was_asked_is_refused(asked: dict[str, object], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        reprocess(Namespace(**{**ASKED, **asked}))
