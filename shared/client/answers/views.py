"""Saved views."""

from datetime import datetime

from shared.client.answers.base import Answer


class ViewAnswer(Answer):
    """A filter of one kind and its order, under a name; `address` is the panel's page."""

    id: str
    name: str
    kind: str
    filter: str
    sort: str
    address: str
    created_by: str
    created_at: datetime
    updated_at: datetime
    etag: str


class ViewList(Answer):
    """Views by name."""

    items: tuple[ViewAnswer, ...]
