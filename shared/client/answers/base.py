"""What every answer is."""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """A part of an answer. Members that this client does not know yet are left out: `/v1` only grows (decision 0011)."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class TotalAnswer(Answer):
    """How many rows the filter lets pass; `relation` is `exact` or `at_least`."""

    value: int
    relation: str
