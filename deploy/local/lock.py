"""A file that one process holds at a time. It is free when its holder is gone, however that ended."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

from deploy.local.errors import LocalServerError

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW  # a link would have us empty a file elsewhere
_DYING_SECONDS: Final = 5.0  # how long the children of a killed run may take to let go of its lock


def hold(path: Path, explain: Callable[[], str], patience_seconds: float | None = None) -> int:
    """Return the descriptor of the locked file. Waits as long as its holder is dying, or for `patience_seconds`.

    Raises LocalServerError that says what `explain` returns: somebody holds it; OSError: it cannot be opened.
    """
    deadline = time.monotonic() + (_DYING_SECONDS if patience_seconds is None else patience_seconds)
    while (lock_fd := try_to_hold(path)) is None:
        holder_lives = patience_seconds is None and psutil.pid_exists(holder(path))
        if holder_lives or time.monotonic() > deadline:
            raise LocalServerError(explain())
        time.sleep(0.02)
    os.ftruncate(lock_fd, 0)
    os.pwrite(lock_fd, str(os.getpid()).encode(), 0)
    return lock_fd


def let_go(path: Path, lock_fd: int) -> None:
    """Remove a file that we hold, and close it. Who waits for it then holds another one of that name."""
    path.unlink(missing_ok=True)
    os.close(lock_fd)


def holder(path: Path) -> int:
    """Return the id of the process that holds the file, or did last; -1 where none ever did."""
    try:
        text = path.read_text()
    except FileNotFoundError:  # let go this moment
        return -1
    return int(text) if text.isdigit() else -1


def try_to_hold(path: Path) -> int | None:
    """Return the descriptor of the locked file, None where somebody holds it. Raise OSError: it cannot be opened."""
    lock_fd = os.open(path, _FLAGS, 0o600)
    with contextlib.suppress(BlockingIOError, FileNotFoundError):  # it is held; or its holder has removed it meanwhile
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock_fd), path.stat()):
            return lock_fd
    os.close(lock_fd)
    return None
