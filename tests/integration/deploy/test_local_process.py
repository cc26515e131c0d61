"""Children: they cannot outlive their parent, and they stop within their grace."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import LocalServerError
from deploy.local.process import UNHURRIED, ChildProcess, stop_together
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[3]
LOG_KIB = 10 * 1024
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def is_gone(pid: int) -> bool:
    """Dead, whether or not somebody has collected its exit code."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def sleeper(tmp_path: Path, *, code: str = "import time; time.sleep(60)", niceness: int = 0) -> ChildProcess:
    return ChildProcess("sleeper", [sys.executable, "-c", code], None, tmp_path / "sleeper.log", niceness=niceness)


def test_a_child_asked_to_stop_is_gone(tmp_path):
    child = sleeper(tmp_path).start()

    assert child.stop(5) == -signal.SIGTERM
    assert is_gone(child.pid)
    assert child.stop(5) == -signal.SIGTERM  # twice does no harm


def test_a_child_deaf_to_sigterm_is_killed_with_all_it_started(tmp_path):
    grandchild = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).pid, flush=True)\n"
    )
    child = sleeper(tmp_path, code=grandchild + STUBBORN).start()
    lines = eventually(child.log_lines, lambda lines: lines.count("deaf") == 2)

    stop_together([child], 0.1)

    assert child.exit_code() == -signal.SIGKILL
    eventually(lambda: is_gone(int(next(line for line in lines if line.isdigit()))))


def test_a_child_lives_on_when_the_thread_that_started_it_ends(tmp_path):
    child = sleeper(tmp_path, code="print('up', flush=True); import time; time.sleep(60)")
    thread = threading.Thread(target=child.start)
    thread.start()
    thread.join()

    eventually(child.log_lines, lambda lines: "up" in lines)
    assert child.is_running()
    child.stop(5)


def test_a_child_dies_with_its_parent(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from deploy.local.process import ChildProcess\n"
        f"child = ChildProcess('c', [sys.executable, '-c', {STUBBORN!r}], None, Path({str(tmp_path / 'c.log')!r})).start()\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout
    with parent.stdout:
        child_pid = int(parent.stdout.readline())
    eventually((tmp_path / "c.log").read_text, lambda text: "deaf" in text)

    parent.kill()
    parent.wait()

    eventually(lambda: is_gone(child_pid))


def test_ctrl_c_in_the_terminal_reaches_the_parent_only(tmp_path):
    child = sleeper(tmp_path).start()

    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
    child.stop(5)


def test_an_unhurried_child_yields_to_the_others_of_our_session(tmp_path):
    hurried, unhurried = sleeper(tmp_path).start(), sleeper(tmp_path, niceness=UNHURRIED).start()

    assert psutil.Process(hurried.pid).nice() == psutil.Process().nice()
    assert psutil.Process(unhurried.pid).nice() == psutil.Process().nice() + UNHURRIED
    assert os.getsid(hurried.pid) == os.getsid(unhurried.pid) == os.getsid(0)  # niceness counts within a session
    stop_together([hurried, unhurried], 5)


def test_a_program_that_is_not_there_is_told_in_one_sentence(tmp_path):
    with pytest.raises(LocalServerError, match="ghost cannot be started: "):
        ChildProcess("ghost", [str(tmp_path / "ghost")], None, tmp_path / "ghost.log").start()


def test_a_log_that_has_grown_is_put_aside(tmp_path):
    log = tmp_path / "sleeper.log"
    log.write_bytes(b"x" * (10 * 1024 * 1024 + 1))

    child = sleeper(tmp_path, code="print('new')").start()
    child.wait(10)

    assert child.log_lines() == ["new"]
    assert (tmp_path / "sleeper.log.1").exists()


def test_a_log_that_grows_while_the_child_runs_is_cut_and_its_last_lines_are_still_read(tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    code = f"print(*['x' * 1023] * {LOG_KIB + 100}, 'before', sep='\\n', flush=True); open({str(gate)!r}).read(); print('after')"
    child = sleeper(tmp_path, code=code).start()
    eventually(child.log_lines, lambda lines: lines[-1:] == ["before"])

    child.trim_log()

    log, kept = child.log_path, tmp_path / "sleeper.log.1"
    assert (log.stat().st_size, kept.stat().st_size) == (0, LOG_KIB * 1024)
    assert child.log_lines()[-2:] == ["x" * 1023, "before"]
    gate.write_text("")
    child.wait(10)
    assert log.read_bytes() == b"after\n"
    assert child.log_lines()[-2:] == ["before", "after"]
    child.trim_log()  # nothing is put aside before there is much
    assert log.read_bytes() == b"after\n"


def test_a_log_that_was_cut_tells_nothing_of_the_run_before(tmp_path):
    (tmp_path / "sleeper.log").write_bytes(b"old\n" * (LOG_KIB * 256))
    child = sleeper(tmp_path, code="print('new')").start()
    child.wait(10)

    child.trim_log()

    assert (tmp_path / "sleeper.log").stat().st_size == 0
    assert child.log_lines() == ["new"]


def test_a_log_that_somebody_removed_harms_nobody(tmp_path):
    child = sleeper(tmp_path, code="print('new')").start()
    child.wait(10)
    child.log_path.unlink()

    child.trim_log()

    assert child.log_lines() == []
