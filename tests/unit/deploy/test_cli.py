import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deploy import doctor
from deploy.cli import main
from deploy.instance import Instance
from deploy.local.diagnosis import Finding

FINE = Finding("mongod", ok=True, detail="db version v6.0.5")
HINT = Finding("AOT cache", ok=True, detail="missing", remedy="Run `make setup`.")
BAD = Finding("Disk", ok=False, detail="0.1 GiB free", remedy="Free space.")


@pytest.mark.parametrize(("findings", "code"), [([FINE], 0), ([FINE, HINT], 0), ([HINT, BAD], 1)])
def test_doctor_fails_only_where_something_does_not_work(monkeypatch, findings, code) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    assert main(["doctor"]) == code


def test_doctor_says_what_is_fine_what_might_be_better_and_what_fails_and_what_to_do(monkeypatch, capsys) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: [FINE, HINT, BAD])
    main(["doctor"])
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [mark for mark, _ in lines] == ["ok", "hint", "→", "FAIL", "→"]
    assert lines[2] == ["→", "Run `make setup`."]


@pytest.mark.parametrize("is_running", [False, True])
def test_doctor_looks_at_the_disk_that_ponte_up_would_fill(monkeypatch, tmp_path, is_running) -> None:
    asked = []
    monkeypatch.setenv("PONTE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(doctor, "find_instance", lambda _: Instance(1, {}, {}, {}) if is_running else None)
    monkeypatch.setattr(doctor, "diagnose", lambda data, **said: asked.append((data, said)) or [])
    doctor.examine()
    assert asked == [(tmp_path / "data", {"is_running": is_running})]


def test_the_version_is_that_of_the_project(capsys) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"ponte {project['version']}\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_leaves_early_is_told_nothing(unbuffered) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    try:
        said = ponte("--version", stdout=ours, unbuffered=unbuffered)
    finally:
        os.close(ours)
    assert (said.returncode, said.stderr) == (1, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_the_output_is_one_sentence(unbuffered) -> None:
    with Path("/dev/full").open("w") as full:
        said = ponte("--version", stdout=full.fileno(), unbuffered=unbuffered)
    assert (said.returncode, said.stderr) == (
        1,
        "ponte: what it has to say cannot be written: No space left on device\n",
    )


def test_without_any_output_a_command_works_all_the_same() -> None:
    said = ponte("--version", stdout=None, unbuffered="", before=lambda: os.close(1))
    assert (said.returncode, said.stderr) == (0, "")


def test_a_terminal_without_accents_gets_a_question_mark() -> None:
    environment = {**os.environ, "PONTE_HTTP_PORT": "ação", "PYTHONIOENCODING": "ascii"}
    said = subprocess.run(
        [sys.executable, "-c", "import sys; from deploy.cli import main; sys.exit(main())", "doctor"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
    )
    assert "'a??o'" in said.stdout
    assert "Traceback" not in said.stderr


INTERRUPTED = """
import signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever starts the tests in the background ignores it, and so would we
sys.meta_path.insert(0, Finder())
from deploy.cli import main
sys.exit(main(["--version"]))
"""


@pytest.mark.parametrize("imported", ["argparse", "deploy.parts", "shared.contracts.names"])
def test_ctrl_c_is_a_quiet_end_while_the_command_is_still_being_imported(imported) -> None:
    said = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, imported], capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert (said.returncode, said.stdout, said.stderr) == (130, "", "")


def ponte(argument, *, stdout, unbuffered, before=None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import sys; from deploy.cli import main; sys.exit(main())", argument],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        cwd=Path(__file__).parents[3],
    )
