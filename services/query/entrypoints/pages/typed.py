"""What a person types into the filter's fields, in any case → the affiliates and error codes that are meant."""

from collections.abc import Iterable, Mapping, Sequence

from services.query.entrypoints.pages.address import TYPED
from services.query.entrypoints.pages.screen import Screen
from services.query.handlers.freshness import list_unregistered
from services.query.handlers.registry import marketplace_names
from shared.contracts.catalogue import find

Values = Mapping[str, Sequence[str]]


async def as_meant(screen: Screen, query: Values) -> dict[str, list[str]]:
    """Return a list's query with its typed values among those of their filters. What nobody knows stays as it was typed."""
    meant = {name: list(values) for name, values in query.items() if name not in TYPED}
    if affiliates := _typed(query, "typed_affiliate"):
        meant["affiliate"] = [*meant.get("affiliate", ()), *await _affiliates(screen, affiliates)]
    if codes := _typed(query, "typed_error_code"):
        meant["error_code"] = [*meant.get("error_code", ()), *map(known_code, codes)]
    return meant


def known_code(text: str) -> str:
    """Return the error code that `text` is in any case, if one is known: they are written in capitals. Else `text`."""
    return text.upper() if find(text) is None and find(text.upper()) else text


async def _affiliates(screen: Screen, typed: Sequence[str]) -> list[str]:
    registered = await marketplace_names(screen.services.registry, screen.caller)
    names = {name.casefold(): affiliate for affiliate, name in registered.items()}
    known = names | _in_any_case(registered)
    if any(text.casefold() not in known for text in typed):
        known |= _in_any_case(await list_unregistered(screen.services.freshness, screen.caller, registered))
    return [known.get(text) or known.get(text.casefold(), text) for text in typed]


def _in_any_case(affiliates: Iterable[str]) -> dict[str, str]:
    exact = {affiliate: affiliate for affiliate in affiliates}
    return {affiliate.casefold(): affiliate for affiliate in exact} | exact


def _typed(query: Values, name: str) -> list[str]:
    return [text.strip() for text in query.get(name, ()) if text.strip()]
