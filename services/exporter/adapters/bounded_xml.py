"""XML that somebody sent, read as a stream: nothing is kept of it but what the handlers keep, whoever wrote it."""

from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final
from xml.parsers import expat

from services.exporter.adapters.workbook_archive import odd, too_large
from services.exporter.core.returned import UnreadableFile
from shared.contracts.names import KIB, MIB

MOST_ELEMENTS: Final = 8_000_000
"""Of one part, some 7 s of work; 50,000 rows of a report have half as many."""

DEEPEST: Final = 100
"""Elements within one another: expat remembers each that is open, and a workbook has seven."""

MOST_NAMES: Final = 1_000
"""Different names of elements and attributes: expat remembers each, and a workbook has some fifty."""

LONGEST_TOKEN: Final = MIB
"""Bytes of one piece of XML; expat keeps a piece until it is whole."""

PIECE: Final = 64 * KIB

Attributes = Mapping[str, str]


def _nothing(_: str) -> None:
    """Take no notice."""


def parse_xml(
    source: IO[bytes],
    *,
    on_start: Callable[[str, Attributes], None],
    on_text: Callable[[str], None] | None = None,
    on_end: Callable[[str], None] = _nothing,
) -> Iterator[None]:
    """Feed a part to the handlers, names without prefixes; yield after each piece. Raise ExpatError, and UnreadableFile for what no workbook has."""
    counted = _Counted(on_start, on_end)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declarations
    parser.StartElementHandler = counted.on_start
    parser.EndElementHandler = counted.on_end
    if on_text is not None:
        parser.CharacterDataHandler = on_text
    fed = 0
    while piece := source.read(PIECE):
        parser.Parse(piece, False)
        fed += len(piece)
        if fed - max(parser.CurrentByteIndex, 0) > LONGEST_TOKEN:
            raise odd()
        yield
    parser.Parse(b"", True)
    yield


class _Counted:
    """Passes elements on, names without prefixes, as long as there are not too many, nor too many within one another."""

    __slots__ = ("_depth", "_left", "_names", "_on_end", "_on_start")

    def __init__(self, on_start: Callable[[str, Attributes], None], on_end: Callable[[str], None]) -> None:
        self._on_start = on_start
        self._on_end = on_end
        self._left = MOST_ELEMENTS
        self._depth = 0
        self._names: set[str] = set()

    def on_start(self, name: str, attributes: Attributes) -> None:
        self._left -= 1
        self._depth += 1
        if self._left < 0:
            raise too_large()
        self._names.add(name)
        self._names.update(attributes)
        if self._depth > DEEPEST or len(self._names) > MOST_NAMES:
            raise odd()
        self._on_start(local_name(name), attributes)

    def on_end(self, name: str) -> None:
        self._depth -= 1
        self._on_end(local_name(name))


def _refuse_declarations(*_: Any) -> None:
    """Entities are declared in a document type: what a few bytes of them unfold to has no bound."""
    raise UnreadableFile("the workbook is damaged: it declares a document type")


def local_name(name: str) -> str:
    """Return a name without its prefix."""
    return name.rpartition(":")[2]
