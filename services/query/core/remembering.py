"""What a function said of an object, said again when it is asked about the same object."""

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import TypeVar, TypeVarTuple

Asked = TypeVar("Asked")
Beside = TypeVarTuple("Beside")
Told = TypeVar("Told")


def by_identity(most: int) -> Callable[[Callable[[Asked, *Beside], Told]], Callable[[Asked, *Beside], Told]]:
    """Return a decorator: the last `most` answers are kept, by which object was asked about and by what was told beside it.

    Nobody may change the object, nor the answer. An object is kept as long as the answer, so that no other gets its identity.
    """

    def remembering(function: Callable[[Asked, *Beside], Told]) -> Callable[[Asked, *Beside], Told]:
        known: OrderedDict[tuple[object, ...], tuple[Asked, Told]] = OrderedDict()

        @wraps(function)
        def answer(asked: Asked, *beside: *Beside) -> Told:
            key = (id(asked), *beside)
            if (found := known.get(key)) is not None:
                known.move_to_end(key)
                return found[1]
            told = function(asked, *beside)
            known[key] = asked, told
            if len(known) > most:
                known.popitem(last=False)
            return told

        return answer

    return remembering
