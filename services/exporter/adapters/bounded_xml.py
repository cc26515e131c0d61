"""XML that somebody sent, read as a stream: nothing is kept of it but what the handlers keep, whoever wrote it."""

from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final
from xml.parsers import expat

from services.exporter.adapters.workbook_archive import odd, too_large
from services.exporter.core.returned import UnreadableFile
from shared.contracts.names import KIB, MIB

MOST_ELEMENTS: Final = 6_000_000
"""Of all parts together, 2 to 6 s of work; 50,000 rows of a report have 2.3 million, 3.7 where each cell is filled and shares its text with none."""

MOST_ATTRIBUTES: Final = 12_000_000
"""The same of attributes, 1.5 s; those rows have as many as elements, more from programs that say much of each row."""

DEEPEST: Final = 100
"""Elements within one another: expat remembers each that is open, and a workbook has seven."""

MOST_NAMES: Final = 1_000
"""Different names of elements and attributes: expat remembers each, and a workbook has some fifty."""

LONGEST_TOKEN: Final = MIB
"""Bytes of one piece of XML; expat keeps a piece until it is whole."""

PIECE: Final = 64 * KIB

Attributes = Mapping[str, str]
OnStart = Callable[[Attributes], None]
OnEnd = Callable[[], None]


class BoundedXml:
    """Reads the parts of one workbook; what is bounded is so for all of them together. Elements are told by their names without prefixes."""

    def __init__(self) -> None:
        self._elements = 0
        self._attributes = 0
        self._names: set[str] = set()

    def parse(
        self,
        source: IO[bytes],
        *,
        starts: Mapping[str, OnStart],
        ends: Mapping[str, OnEnd] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Iterator[None]:
        """Feed a part to the handlers of its elements; yield after each piece. Raise ExpatError, and UnreadableFile for what no workbook has."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_declarations
        self._listen(parser, starts, ends or {})
        if on_text is not None:
            parser.CharacterDataHandler = on_text
        fed = 0
        while piece := source.read(PIECE):
            parser.Parse(piece, False)
            fed += len(piece)
            if fed - max(parser.CurrentByteIndex, 0) > LONGEST_TOKEN:
                raise odd()
            self._refuse_too_much()
            yield
        parser.Parse(b"", True)
        yield

    def _listen(self, parser: expat.XMLParserType, starts: Mapping[str, OnStart], ends: Mapping[str, OnEnd]) -> None:
        """Have elements counted and handed on. One look-up for each, and a call only where somebody listens: there may be millions."""
        known: dict[str, tuple[OnStart | None, OnEnd | None]] = {}
        depth = 0

        def on_start(name: str, attributes: Attributes) -> None:
            nonlocal depth
            depth += 1
            self._elements += 1
            if depth > DEEPEST:
                raise odd()
            if attributes:
                self._attributes += len(attributes)
                self._names.update(attributes)
            handlers = known.get(name)
            if handlers is None:
                self._names.add(name)
                local = local_name(name)
                handlers = known[name] = (starts.get(local), ends.get(local))
            if (handle := handlers[0]) is not None:
                handle(attributes)

        def on_end(name: str) -> None:
            nonlocal depth
            depth -= 1
            if (handle := known[name][1]) is not None:
                handle()

        parser.StartElementHandler = on_start
        parser.EndElementHandler = on_end

    def _refuse_too_much(self) -> None:
        """Raise UnreadableFile. Asked after each piece: no piece has enough to do harm."""
        if self._elements > MOST_ELEMENTS or self._attributes > MOST_ATTRIBUTES:
            raise too_large()
        if len(self._names) > MOST_NAMES:
            raise odd()


def _refuse_declarations(*_: Any) -> None:
    """Entities are declared in a document type: what a few bytes of them unfold to has no bound."""
    raise UnreadableFile("the workbook is damaged: it declares a document type")


def local_name(name: str) -> str:
    """Return a name without its prefix."""
    return name.rpartition(":")[2]
