"""A file that takes the place of another one once it is whole, and of which nothing is left where that fails."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the place of `target` at the end of the block. Raise OSError where it cannot be written.

    While it is written it has no name, so that it goes with us, should we be killed. Where the system has no such files
    it has one, `.ponte-….partial` beside the target.
    """
    if target.exists() and not target.is_file():  # a pipe, or /dev/stdout: nothing can take its place
        with target.open("wb") as file:
            yield file
        return
    target = target.resolve()  # of a link, what it leads to
    partial = target.with_name(f".ponte-{uuid4().hex}.partial")
    try:
        with _open_nameless(target.parent) or partial.open("xb") as file:
            if partial.exists():
                _copy_rights(target, partial)
            yield file
            if not partial.exists():
                file.flush()
                # With a folder to start from, link follows /proc's link to the file; an absolute path never asks for it.
                os.link(f"/proc/self/fd/{file.fileno()}", partial, src_dir_fd=file.fileno())
                _copy_rights(target, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _open_nameless(folder: Path) -> BinaryIO | None:
    """Open a file that is in the folder and has no name there; None where the system or the file system has none of these."""
    if sys.platform != "linux" or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.fdopen(os.open(folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o666), "wb")
    except OSError:
        return None


def _copy_rights(target: Path, partial: Path) -> None:
    if target.exists():
        shutil.copymode(target, partial)
