"""What the Python client can ask, and what it asked."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import httpx

from services.query.entrypoints.openapi.document import operations
from shared.client import Ponte


def methods_of_client() -> dict[str, Callable[..., Any]]:
    """The methods by the operation of the schema that each asks."""
    with Ponte("http://127.0.0.1:1", "nobody") as ponte:
        nouns = [ponte, *(value for name, value in vars(ponte).items() if not name.startswith("_"))]
        found = [method for noun in nouns for _, method in inspect.getmembers(noun, inspect.ismethod)]
    return {method.operation: method for method in found if hasattr(method, "operation")}


class Listener:
    """Notes the operations that a client asks, by the addresses of its requests."""

    def __init__(self, ponte: Ponte, schema: dict[str, Any]) -> None:
        self.asked: set[str] = set()
        self._routes = [
            (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), told["operationId"], path.count("{"))
            for path, method, told in operations(schema)
        ]
        ponte._transport._http.event_hooks["request"].append(self._note)

    def _note(self, request: httpx.Request) -> None:
        path = request.url.raw_path.decode().partition("?")[0]
        fitting = [
            (parameters, name)
            for method, pattern, name, parameters in self._routes
            if method == request.method and pattern.fullmatch(path)
        ]
        self.asked.add(min(fitting)[1])
