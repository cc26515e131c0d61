"""The file in the making: without a name on the disk, so a killed worker leaves nothing that would have to be swept."""

import hashlib
import tempfile
from typing import BinaryIO, cast

from services.exporter.handlers.ports import FinishedFile
from shared.contracts.names import MIB


def open_spool(folder: str | None) -> BinaryIO:
    """Return a nameless file of this process alone, in `folder` or the system's place for such. Raise OSError."""
    return cast("BinaryIO", tempfile.TemporaryFile(dir=folder or None))  # the workbook closes it


def finished(spool: BinaryIO) -> FinishedFile:
    """Return the completed spool with its length and hash, at its first byte."""
    digest = hashlib.sha256()
    spool.seek(0)
    length = 0
    while piece := spool.read(MIB):
        digest.update(piece)
        length += len(piece)
    spool.seek(0)
    return FinishedFile(stream=spool, bytes=length, sha256=digest.hexdigest())
