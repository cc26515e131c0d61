"""What `ponte doctor` says about this machine: can it run the servers, and if not, what is to be done?"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from deploy.local.cache import KafkaParts, find_java
from deploy.local.errors import LocalServerError
from deploy.local.given import check_kafka, check_mongo
from deploy.local.libraries import library_path, missing_libraries
from deploy.local.mongod import explain_missing, find_mongod

_GIB: Final = 1024**3
_LEAST_DISK_BYTES: Final = _GIB
_LEAST_MEMORY_BYTES: Final = 3 * _GIB // 2  # Kafka 0.3, mongod up to 1.0 with a full cache, the services 0.2 and more


@dataclass(frozen=True)
class Finding:
    """One fact. `remedy` says what to do, and is empty where there is nothing to do; beside `ok` it is a hint: all works without."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def diagnose(
    data: Path | None = None, *, environ: Mapping[str, str] | None = None, is_running: bool = False
) -> list[Finding]:
    """Look at everything that `start_servers` needs; never raises, starts no server, takes about 0.2 s.

    data -- the folder whose disk is looked at; the temporary folder by default. Servers whose address is given in
    `environ` are asked instead.
    is_running -- the servers run already, and have the memory that they need.
    """
    environ = os.environ if environ is None else environ
    bootstrap, uri = environ.get("PONTE_KAFKA_BOOTSTRAP"), environ.get("PONTE_MONGO_URI")
    kafka = [_given("Kafka", bootstrap)] if bootstrap else [_java(), _jars(environ), _aot_cache(environ)]
    mongo = [_given("MongoDB", uri)] if uri else [_mongod()]
    return [*kafka, *mongo, _disk(data), _memory(is_running=is_running), _docker()]


def _given(name: str, address: str) -> Finding:
    try:
        (check_kafka if name == "Kafka" else check_mongo)(address)
    except LocalServerError as error:
        return Finding(name, ok=False, detail="does not answer", remedy=str(error))
    return Finding(name, ok=True, detail="answers at the address that is given")


def _java() -> Finding:
    name = "Java runtime"
    try:
        java = find_java()
        # The path inside the wheel says nothing yet: a wheel for another processor unpacks just as well.
        said = subprocess.run([str(java), "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    except LocalServerError as error:
        return Finding(name, ok=False, detail="missing", remedy=str(error))
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(name, ok=False, detail=f"does not run: {error}", remedy="Run `make setup` again.")
    return Finding(name, ok=True, detail=said.splitlines()[0])


def _jars(environ: Mapping[str, str]) -> Finding:
    name = "Kafka's jars"
    try:
        parts = KafkaParts.in_cache(environ)
        parts.require()
    except LocalServerError as error:
        return Finding(name, ok=False, detail="missing", remedy=str(error))
    return Finding(name, ok=True, detail=str(parts.root))


def _aot_cache(environ: Mapping[str, str]) -> Finding:
    name = "AOT cache"
    try:
        there = KafkaParts.in_cache(environ).aot.exists()
    except (LocalServerError, OSError):
        there = False
    if not there:  # not made yet, or by now this machine has three younger ones of other checkouts
        detail = "missing: Kafka starts slower, in 3 s instead of 1"
        return Finding(name, ok=True, detail=detail, remedy="Run `make setup`, it makes it again.")
    return Finding(name, ok=True, detail="Kafka starts in about 1 s")


def _mongod() -> Finding:
    name = "mongod"
    try:
        program = find_mongod()
    except LocalServerError as error:
        return Finding(name, ok=False, detail="missing", remedy=str(error))
    path = library_path(program)
    if lacking := missing_libraries(program, path):
        return Finding(name, ok=False, detail=f"lacks {', '.join(lacking)}", remedy=explain_missing(lacking))
    try:
        said = subprocess.run(
            [str(program), "--version"],
            env={**os.environ, **({"LD_LIBRARY_PATH": path} if path else {})},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        remedy = "It needs x86-64 with AVX or ARM 8.2; else give a server's address in PONTE_MONGO_URI."
        return Finding(name, ok=False, detail=f"does not run: {error}", remedy=remedy)
    return Finding(name, ok=True, detail=said.splitlines()[0])


def _disk(data: Path | None) -> Finding:
    folder = (data or Path(tempfile.gettempdir())).absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / _GIB:.1f} GiB free at {folder}"
    enough = free >= _LEAST_DISK_BYTES
    return Finding("Disk", ok=enough, detail=detail, remedy="" if enough else "Free space until there is 1 GiB.")


def _memory(*, is_running: bool) -> Finding:
    available = psutil.virtual_memory().available
    enough = is_running or available >= _LEAST_MEMORY_BYTES
    detail = f"{available / _GIB:.1f} GiB available" + (" beside the Ponte that runs" if is_running else "")
    return Finding(
        "Memory", ok=enough, detail=detail, remedy="" if enough else "Close programs until there is 1.5 GiB."
    )


def _docker() -> Finding:
    from deploy.local.containers import is_usable

    detail = (
        "an engine with both images answers"
        if is_usable()
        else "no engine with the images of Kafka and MongoDB; not needed, the embedded servers are used"
    )
    return Finding("Docker", ok=True, detail=detail)
