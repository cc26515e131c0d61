"""The data folder of one run: locked against a second run, checked for space, thrown away when ephemeral."""

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Self

from deploy.local.errors import LocalServerError
from deploy.local.lock import hold, holder, try_to_hold

_LOCK_NAME = "ponte.lock"
_LEAST_FREE_BYTES = 512 * 1024 * 1024  # Kafka and mongod both stop dead on a full disk; better not to start
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class DataFolder:
    """A folder that belongs to one run. `path` holds the servers' data and logs.

    `lock_fd` is inherited by the servers: the folder is free again only when the last of them is gone, so that a run
    that follows a killed one never meets a server that is still dying.
    """

    def __init__(self, path: Path, lock_fd: int, *, ephemeral: bool) -> None:
        self.path = path
        self.lock_fd = lock_fd
        self.ephemeral = ephemeral

    @classmethod
    def open(cls, path: Path) -> Self:
        """A kept folder, made if need be. Raises LocalServerError: not writable, held by another run."""
        path = path.absolute()
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock_fd = hold(path / _LOCK_NAME, lambda: _held_by(path))
        except OSError as error:
            raise LocalServerError(
                f"The data folder {path} cannot be written ({error.strerror}): choose another or change its owner."
            ) from error
        return cls(path, lock_fd, ephemeral=False)

    @classmethod
    def ephemeral_one(cls) -> Self:
        """A new temporary folder; those left behind by killed runs of the same user are removed first. Raises LocalServerError."""
        root = Path(tempfile.gettempdir()) / f"ponte-{os.getuid()}"
        try:
            root.mkdir(mode=0o700, exist_ok=True)
            _refuse_a_folder_of_others(root)
            # Held while sweeping and making: a folder without its lock yet must not be taken for a leftover.
            guard_fd = hold(root / _LOCK_NAME, lambda: f"{root} is busy: try again.", patience_seconds=60)
            try:
                _sweep(root)
                path = Path(tempfile.mkdtemp(prefix="run-", dir=root))
                lock_fd = hold(path / _LOCK_NAME, lambda: _held_by(path))
            finally:
                os.close(guard_fd)
        except OSError as error:
            raise LocalServerError(
                f"{root} cannot be written ({error.strerror}): set TMPDIR to a folder of yours."
            ) from error
        return cls(path, lock_fd, ephemeral=True)

    def check_space(self) -> None:
        """Raises LocalServerError when less than 512 MiB are free."""
        free = shutil.disk_usage(self.path).free
        if free < _LEAST_FREE_BYTES:
            raise LocalServerError(
                f"Only {free // 2**20} MiB are free at {self.path}, and 512 MiB are needed: free some space "
                "or choose another data folder."
            )

    def close(self) -> None:
        """Give the folder back; remove it when ephemeral. May be called twice."""
        if self.lock_fd < 0:
            return
        if self.ephemeral:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock_fd)
        self.lock_fd = -1


def _refuse_a_folder_of_others(root: Path) -> None:
    """Anyone may make a folder of that name where temporary files stand: whose it is decides who reads what we write there."""
    found = root.lstat()
    is_ours_alone = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & _OTHERS_WRITE
    if not is_ours_alone:
        raise LocalServerError(
            f"{root} is no folder that you alone may write to: remove it, or set TMPDIR to a folder of yours."
        )


def _held_by(folder: Path) -> str:
    return (
        f"The data folder {folder} is in use by process {holder(folder / _LOCK_NAME)}: "
        "stop that one, or choose another data folder."
    )


def _sweep(root: Path) -> None:
    for leftover in root.glob("run-*"):
        try:
            lock_fd = try_to_hold(leftover / _LOCK_NAME)
        except OSError:
            continue
        if lock_fd is not None:  # else a run that is alive
            shutil.rmtree(leftover, ignore_errors=True)
            os.close(lock_fd)
