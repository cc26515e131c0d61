"""`python -m deploy.local.install`: fetch and prepare, once, what the embedded Kafka needs.

Afterwards nothing is downloaded any more. Run again it does nothing; interrupted, it starts over with what is missing.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from deploy.local.cache import KafkaParts, jar_name
from deploy.local.errors import LocalServerError
from deploy.local.jars import JARS, KAFKA_VERSION

# slf4j-simple writes Kafka's log with a tenth of log4j's start-up time; its version is that of Kafka's slf4j-api.
ROOTS: Final = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
_DOWNLOADS_AT_ONCE = 8
_TRAINING_SECONDS = 120.0
_AOT_CACHES_KEPT = 3  # 70 MB each; every virtual environment has a Java runtime of its own
Report = Callable[[str], None]


def install(report: Report) -> KafkaParts:
    """Make every part that is not there. Raises LocalServerError: offline, disk full, folder not writable."""
    parts = KafkaParts.in_cache()
    if not parts.missing() and parts.aot.exists():
        return parts
    try:
        parts.root.mkdir(parents=True, exist_ok=True)
        with _alone(parts.root):
            _make_missing(parts, report)
    except OSError as error:
        raise LocalServerError(
            f"{parts.root} cannot be written ({error.strerror or error}): free some space or set PONTE_CACHE_DIR."
        ) from error
    return parts


def pin() -> str:
    """Resolve `ROOTS` anew and answer the text of jars.py. For whoever moves to another version of Kafka."""
    with tempfile.TemporaryDirectory() as folder:
        context = _maven(Path(folder))
        wanted = [context.create_dependency(root) for root in ROOTS]
        roots, others = context.resolver.resolve(wanted)
        rows = sorted(
            (f"{jar.groupId}:{jar.artifactId}:{jar.version}", _sha256(jar.artifact.resolve()))
            for jar in (*roots, *others)
        )
    source = Path(__file__).with_name("jars.py").read_text(encoding="utf-8")
    opening, mark, _ = source.partition("= (\n")
    return opening + mark + "".join(f'    ("{name}", "{digest}"),\n' for name, digest in rows) + ")\n# fmt: on\n"


def _make_missing(parts: KafkaParts, report: Report) -> None:
    started = time.monotonic()
    for path, make in ((parts.jars, _fetch_jars), (parts.template, _format), (parts.aot, _train)):
        if not path.exists():
            with _staging(parts.root) as staging:
                make(parts, staging, report)
    report(f"Kafka {KAFKA_VERSION} is ready in {parts.root} ({time.monotonic() - started:.0f} s)")


def _fetch_jars(parts: KafkaParts, staging: Path, report: Report) -> None:
    report(f"Fetching Kafka {KAFKA_VERSION}: {len(JARS)} jars, 45 MB")
    context, whole = _maven(staging / "fetched"), staging / "jars"
    whole.mkdir()
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        for number, _ in enumerate(pool.map(lambda jar: _fetch(context, jar, whole), JARS), start=1):
            if number % 10 == 0:
                report(f"  {number} of {len(JARS)}")
    whole.rename(parts.jars)


def _fetch(context: Any, jar: tuple[str, str], folder: Path) -> None:
    from requests import RequestException

    coordinate, digest = jar
    try:
        fetched: Path = context.create_dependency(coordinate).artifact.resolve()
    except RequestException as error:
        raise LocalServerError(
            f"There is no network and Kafka's jars are not in {folder.parent.parent}: run `make setup` once with network."
        ) from error
    except RuntimeError as error:
        raise LocalServerError(f"{coordinate} cannot be fetched: {str(error).splitlines()[0]}.") from error
    if _sha256(fetched) != digest:
        raise LocalServerError(f"{coordinate} came damaged or altered, and was thrown away: run `make setup` again.")
    fetched.rename(folder / jar_name(coordinate))


def _format(parts: KafkaParts, staging: Path, report: Report) -> None:
    from deploy.local.kafka import LOG_FOLDER, java_arguments, java_environment, kafka_properties

    report("Formatting a template of Kafka's data folder")
    (staging / "server.properties").write_text(kafka_properties(9092, 9093))
    arguments = ["format", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAQ", "--config", "server.properties"]
    command = java_arguments(parts, "kafka.tools.StorageTool", arguments)
    done = subprocess.run(command, cwd=staging, env=java_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalServerError(
            f"Kafka's data folder cannot be formatted: {(done.stderr or done.stdout).strip()[-300:]}"
        )
    formatted = staging / LOG_FOLDER
    (formatted / "meta.properties").unlink()  # each copy gets ids of its own
    formatted.rename(parts.template)


def _train(parts: KafkaParts, staging: Path, report: Report) -> None:
    """Without the cache Kafka starts in 3 s instead of 1: worth a word, not a failure."""
    from deploy.local.training import train

    report("Teaching the JVM to start Kafka fast (about 10 s)")
    try:
        train(parts, staging, _TRAINING_SECONDS).rename(parts.aot)
        for old in sorted(parts.root.glob("*.aot"), key=_age)[_AOT_CACHES_KEPT:]:
            old.unlink()
    except Exception as error:  # noqa: BLE001 - whatever it is, Kafka runs without
        report(f"  not done, Kafka will start more slowly: {error}")


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One installer at a time; the next one then finds everything done. Leftovers of killed ones are removed."""
    lock_fd = os.open(root / "install.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX)
        for leftover in root.glob("partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield
    finally:
        os.close(lock_fd)


@contextmanager
def _staging(root: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="partial-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _maven(folder: Path) -> Any:
    from jgo.maven import MavenContext

    logging.getLogger("jgo").setLevel(logging.ERROR)  # it warns of what we check ourselves
    return MavenContext(repo_cache=folder)


def _age(path: Path) -> float:
    return -path.stat().st_mtime


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> int:
    """The command: 0 when everything is there, 1 with one line otherwise. `--pin` prints a new jars.py instead."""
    try:
        if "--pin" in sys.argv[1:]:
            print(pin(), end="")
        else:
            install(lambda line: print(line, flush=True))
    except LocalServerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
