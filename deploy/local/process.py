"""Children that cannot outlive us: servers and services started as processes of their own.

A terminal's Ctrl-C reaches only this process, because every child leads its own process group; we stop the children in order.
They stay in our session, though: Linux shares processors out among sessions first, and only then, within one, by niceness.
When this process dies, however it dies, the kernel kills them (Linux; elsewhere only an orderly stop does).
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, Final

from deploy.local.errors import LocalServerError

UNHURRIED: Final = 10
"""The niceness of what nobody looks at while it works: a list is asked for by a person, who waits. MongoDB works for both and yields to neither."""

UNHURRIED_SHARES: Final = 110
"""The same for a container: what the kernel counts such a process for, where others count 1024."""

_PR_SET_PDEATHSIG = 1
_LOG_KEPT_BYTES = 10 * 1024 * 1024
_LAST_LINES_BYTES = 64 * 1024
_ROOM_BYTES = 1024 * 1024
# Bound before any fork: in the forked child nothing may be imported or looked up, another thread may have held a lock.
_prctl: Callable[..., int] | None = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


class ChildProcess:
    """One child. Both its output streams go to `log_path`, appended; past 10 MiB it is put aside as `.1` at the start, and by `trim_log`.

    `keep_open` are descriptors of ours that the child keeps for its whole life, such as that of a lock on its data. The greater its
    `niceness`, the longer it waits for a processor that others want as well (0 to 19).
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None,
        log_path: Path,
        *,
        cwd: Path | None = None,
        keep_open: Sequence[int] = (),
        niceness: int = 0,
    ) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.log_path = log_path
        self._env = env
        self._cwd = cwd
        self._keep_open = tuple(keep_open)
        self._niceness = niceness
        self._popen: subprocess.Popen[bytes] | None = None
        self._log_start = 0  # where this run begins in the log; below 0 once its beginning was put aside

    @property
    def pid(self) -> int:
        """The process id, also after the end. Raises RuntimeError before `start`."""
        return self._started().pid

    def start(self) -> "ChildProcess":
        """Run it, and return at once. Raises LocalServerError when the program or the log cannot be opened."""
        try:
            with _open_log(self.log_path) as log:
                self._log_start = log.tell()
                self._popen = _spawner.call(lambda: self._spawn(log))
        except OSError as error:
            raise LocalServerError(f"{self.name} cannot be started: {error}.") from error
        return self

    def exit_code(self) -> int | None:
        """None while it runs; negative = the signal that ended it."""
        return self._started().poll()

    def has_ended(self) -> bool:
        """True once it was started and is no more."""
        return self._popen is not None and self._popen.poll() is not None

    def is_running(self) -> bool:
        """True from `start` until the process has ended."""
        return self._popen is not None and self._popen.poll() is None

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """The exit code, or None when it still runs after `timeout_seconds`."""
        try:
            return self._started().wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once, so that several children can stop side by side."""
        if self._popen is not None:
            self._popen.terminate()

    def kill(self) -> None:
        """SIGKILL to the child and whatever it started, and wait for its end."""
        if self._popen is not None and self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def stop(self, grace_seconds: float) -> int | None:
        """SIGTERM, at most `grace_seconds` of patience, SIGKILL. Answers the exit code; may be called twice."""
        if self._popen is None:
            return None
        self.ask_to_stop()
        if self.wait(max(grace_seconds, 0)) is None:
            self.kill()
        return self.exit_code()

    def trim_log(self) -> None:
        """Where the log has grown past 10 MiB, copy its end to `.1` and begin anew; call it every now and then while the child runs.

        The child goes on writing into the same file: what it writes between the end of the copy and the cut, some microseconds, is
        lost. Where there is no room for the copy, or somebody has removed the log, it stays as it is.
        """
        with contextlib.suppress(OSError):
            if self.log_path.stat().st_size <= _LOG_KEPT_BYTES:
                return
            with self.log_path.open("rb") as log, _kept(self.log_path).open("wb") as kept:
                log.seek(-_LOG_KEPT_BYTES, os.SEEK_END)
                kept.write(log.read(2 * _LOG_KEPT_BYTES))  # to the end, unless the child writes as fast as we read
                copied_to = log.tell()
            os.truncate(self.log_path, 0)  # not renamed: the child has it open for appending
            self._log_start -= copied_to

    def has_room(self) -> bool:
        """False when the disk of its log is full, and the log cannot tell of it."""
        with contextlib.suppress(OSError):  # somebody has removed the folder
            return shutil.disk_usage(self.log_path.parent).free >= _ROOM_BYTES
        return True

    def log_lines(self) -> list[str]:
        """What this run has written so far, line by line; the last 64 KiB at most. Nothing where it cannot be read any more."""
        try:
            with self.log_path.open("rb") as log:
                first = max(self._log_start, log.seek(0, os.SEEK_END) - _LAST_LINES_BYTES)
                log.seek(max(first, 0))
                said = log.read()
            if first < 0:  # so much stands at the end of what was put aside
                with _kept(self.log_path).open("rb") as kept:
                    kept.seek(first, os.SEEK_END)
                    said = kept.read() + said
        except OSError:
            return []
        return said.decode("utf-8", "replace").splitlines()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._popen is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._popen

    def _spawn(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv,
            env=None if self._env is None else dict(self._env),
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
            pass_fds=self._keep_open,
            preexec_fn=_first_steps(os.getpid(), self._niceness),  # noqa: PLW1509 - system calls only, bound before
        )


def stop_together(children: Sequence[ChildProcess], grace_seconds: float) -> None:
    """Ask all to stop, in the order given; whoever still runs after `grace_seconds` in all is killed."""
    deadline = time.monotonic() + grace_seconds
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.stop(deadline - time.monotonic())


def _first_steps(parent_pid: int, niceness: int) -> Callable[[], None]:
    """Run in the child between fork and exec: from here on the kernel kills it when its parent dies, and lets others go first."""

    def step() -> None:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent_pid:  # the parent died before the signal was ordered: nobody would ever send it
                os._exit(1)
        os.nice(niceness)

    return step


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_KEPT_BYTES:
        path.replace(_kept(path))
    log = path.open("ab")
    log.seek(0, os.SEEK_END)
    return log


def _kept(log_path: Path) -> Path:
    return log_path.with_suffix(log_path.suffix + ".1")


class _Spawner:
    """One thread that forks every child and lives as long as this process.

    Linux binds the death signal to the *thread* that forked: a child started by a thread that ends would be killed then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Callable[[], None]] | None = None
        self._owner_pid = 0

    def call(self, spawn: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        answers: SimpleQueue[subprocess.Popen[bytes] | BaseException] = SimpleQueue()

        def job() -> None:
            try:
                answers.put(spawn())
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
                answers.put(error)

        self._queue().put(job)
        answer = answers.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _queue(self) -> SimpleQueue[Callable[[], None]]:
        with self._lock:
            if self._jobs is None or self._owner_pid != os.getpid():  # a forked copy of us has the queue but no thread
                self._jobs, self._owner_pid = SimpleQueue(), os.getpid()
                threading.Thread(target=_run_jobs, args=(self._jobs,), name="spawner", daemon=True).start()
            return self._jobs


def _run_jobs(jobs: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()


_spawner = _Spawner()
