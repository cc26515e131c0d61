"""The archive that a workbook is, opened with a bound on what it may hold: who sent it may mean harm."""

import struct
import zipfile
from typing import BinaryIO, Final

from services.exporter.core.returned import UnreadableFile
from shared.contracts.names import KIB, MIB

MOST_UNPACKED: Final = 128 * MIB
"""Of all parts together; 50,000 rows of a report have some 60 MiB."""

MOST_DIRECTORY: Final = 256 * KIB
"""The archive's own list of parts, which is read whole; ours has less than one."""

PACKINGS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those of workbooks. Of others the archive says how much memory unpacking takes."""

_END: Final = struct.Struct("<4s4H2LH")
_END_MARK: Final = b"PK\x05\x06"
_LARGE_MARK: Final = b"PK\x06\x07"
_LARGE_LENGTH: Final = 20
_LONGEST_COMMENT: Final = 65_535


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """Return the archive; no more can be unpacked from it than MOST_UNPACKED. Raise UnreadableFile, and what zipfile raises."""
    _refuse_a_long_directory(file)
    archive = zipfile.ZipFile(file)
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > MOST_UNPACKED:  # zipfile unpacks no more of a part than its entry says
        raise too_large()
    if any(part.compress_type not in PACKINGS for part in parts):
        raise odd()
    return archive


def too_large() -> UnreadableFile:
    """Return the refusal of what takes too much."""
    return UnreadableFile(
        f"the workbook unpacks to more than {MOST_UNPACKED // MIB} MiB: remove rows, or the sheets that are not the report's"
    )


def odd() -> UnreadableFile:
    """Return the refusal of what only somebody who means harm would write."""
    return UnreadableFile("the workbook is damaged: no spreadsheet program writes it so")


def _refuse_a_long_directory(file: BinaryIO) -> None:
    """Raise UnreadableFile before zipfile reads a list of parts that is longer than any workbook's. Looks for its end as zipfile does."""
    length = file.seek(0, 2)
    file.seek(max(length - _END.size, 0))
    end = file.read()
    place = length - _END.size
    if end[:4] != _END_MARK or end[-2:] != b"\0\0":
        start = max(length - _LONGEST_COMMENT - _END.size, 0)
        file.seek(start)
        tail = file.read()
        at = tail.rfind(_END_MARK)
        if at < 0:
            raise zipfile.BadZipFile("its end is missing")
        end, place = tail[at : at + _END.size], start + at
    directory_bytes = _END.unpack(end)[5]
    file.seek(max(place - _LARGE_LENGTH, 0))
    if directory_bytes > MOST_DIRECTORY or file.read(4) == _LARGE_MARK:
        raise too_large()
    file.seek(0)
