"""What a function said of an object, said again when it is asked about the same object."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Generic, TypeVar, TypeVarTuple

Asked = TypeVar("Asked")
Beside = TypeVarTuple("Beside")
Told = TypeVar("Told")


@dataclass(slots=True, eq=False)
class _Same(Generic[Asked]):
    """An object as a key: equal to itself alone. It is kept as long as the key, so that no other gets its identity."""

    it: Asked

    def __hash__(self) -> int:
        return id(self.it)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it


def by_identity(most: int) -> Callable[[Callable[[Asked, *Beside], Told]], Callable[[Asked, *Beside], Told]]:
    """Return a decorator: `lru_cache(most)` by which object is asked about, and by what is told beside it.

    For objects that have no hash, or a dear one. Nobody may change the object, nor the answer.
    """

    def remembering(function: Callable[[Asked, *Beside], Told]) -> Callable[[Asked, *Beside], Told]:
        remembered = lru_cache(most)(lambda same, *beside: function(same.it, *beside))

        @wraps(function)
        def answer(asked: Asked, *beside: *Beside) -> Told:
            return remembered(_Same(asked), *beside)

        return answer

    return remembering
