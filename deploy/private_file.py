"""Small files that hold a key: only their owner reads them, and a crash leaves the old one or the new one, never half."""

import os
from pathlib import Path

PARTIAL = ".partial"


def write_private(path: Path, text: str) -> None:
    """Store `text` at `path`, in a folder that is made if need be. Raise OSError where that cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(path.name + PARTIAL)
    partial.unlink(missing_ok=True)  # one left behind might have other rights
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # else the new name may outlive a crash of the machine without its content
    partial.replace(path)
