"""Shared libraries for mongod where the system has none: libcurl and OpenSSL, borrowed from the wheel of pycurl.

A slim system with nothing but Python and make lacks libcurl 4. The wheel brings its own under other names; links give them the
names that mongod asks for. mongod makes no HTTP calls here, so any libcurl of the same major version serves.
"""

import importlib.util
import os
import re
import subprocess
from pathlib import Path
from typing import Final

from deploy.local.cache import cache_folder

_BORROWED: Final = {"libcurl.so.4": "libcurl-", "libssl.so.3": "libssl-", "libcrypto.so.3": "libcrypto-"}


def library_path(program: Path) -> str | None:
    """Return the LD_LIBRARY_PATH with which `program` finds all its libraries; None when it needs none of ours."""
    if not set(missing_libraries(program)) & set(_BORROWED):
        return None
    return borrowed_path()


def borrowed_path() -> str | None:
    """Return the folders with the borrowed libraries under their usual names, made if need be; None without the wheel."""
    spec = importlib.util.find_spec("pycurl")
    if spec is None or spec.origin is None:
        return None
    bundled = Path(spec.origin).parent.parent / "pycurl.libs"
    links = cache_folder() / "libraries"
    links.mkdir(parents=True, exist_ok=True)
    for name, prefix in _BORROWED.items():
        for library in bundled.glob(f"{prefix}*"):
            partial = links / f"{name}.{os.getpid()}"
            partial.unlink(missing_ok=True)
            partial.symlink_to(library)
            partial.replace(links / name)
    return f"{links}:{bundled}"


def missing_libraries(program: Path, path: str | None = None) -> list[str]:
    """Shared libraries that `program` needs and this system lacks, such as `libcurl.so.4`. Empty if `ldd` is absent.

    path -- an LD_LIBRARY_PATH to look in first.
    """
    environment = {**os.environ, **({"LD_LIBRARY_PATH": path} if path else {})}
    try:
        listing = subprocess.run(
            ["ldd", str(program)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=10,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    glibc = re.findall(r"version `GLIBC_([0-9.]+)' not found", listing)
    return sorted(
        set(re.findall(r"^\s*(\S+) => not found", listing, re.MULTILINE)) | {f"glibc {version}" for version in glibc}
    )
