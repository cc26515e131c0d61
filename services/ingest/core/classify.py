"""A cause that came without a code gets one by its message, before anything is written: attempt and entry then agree."""

from shared.contracts import catalogue
from shared.contracts.events import Cause, EventData


def classify_causes(data: EventData) -> EventData:
    """Return `data` with a code on every cause; codes given are kept as they are, known to us or not."""
    if all(cause.code for cause in data.causes):
        return data
    return data.model_copy(update={"causes": [_classified(cause, data.kind) for cause in data.causes]})


def _classified(cause: Cause, kind: str) -> Cause:
    if cause.code:
        return cause
    return cause.model_copy(update={"code": catalogue.classify(cause.message, kind=kind)})
