"""What an image holds: `shared`, one service, and the packages of its lock. The import contracts do not see an import by name; this does."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

HOUSE = Path(__file__).parents[2]
SERVICES = ["exporter", "ingest", "query", "reprocessor"]

# -S keeps the editable install out of sight: it would find the siblings in this checkout.
PROBE = """
import importlib, json, sys
sys.path[:0] = [sys.argv[1]]
sys.path.append(sys.argv[2])
missing = {}
sys.modules.update(dict.fromkeys(filter(None, sys.argv[3].split(","))))  # None: not to be imported
for name in sys.argv[4:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing[name] = error.name
print(json.dumps({"missing": missing, "modules": sorted({name.partition(".")[0] for name, found in sys.modules.items() if found})}))
"""


TAKEN_WHERE_INSTALLED = "cryptography,yaml"
"""PyMongo looks for the one, for pyOpenSSL's sake, Faust for the other, and each does without where it is missing: in every image but query's."""


def import_in(folder: Path, *names: str, hidden: str = TAKEN_WHERE_INSTALLED) -> Any:
    """Return `missing` (module → the module that its import lacked) and `modules`, the top names that are loaded then."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROBE, folder, sysconfig.get_path("purelib"), hidden, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def copy_out(target: Path, *folders: str) -> Path:
    """Copy parts of the checkout, as the image's recipe does."""
    for folder in folders:
        shutil.copytree(HOUSE / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))
    if (target / "services").exists():
        shutil.copy(HOUSE / "services/__init__.py", target / "services")
    return target


def packages_outside(lock: str, modules: list[str]) -> set[str]:
    """Return the installed packages that `modules` come from and that the image of `lock` does not hold."""
    path = HOUSE / f"deploy/locks/{lock}.lock"
    path = path if path.exists() else HOUSE / "deploy/locks/base.lock"
    locked = set(re.findall(r"^([a-z0-9._-]+)==", path.read_text(encoding="utf-8"), re.MULTILINE))
    owners = metadata.packages_distributions()
    loaded = {re.sub(r"[-_.]+", "-", owner).lower() for name in modules for owner in owners.get(name, ())}
    return loaded - locked - {"ponte", "pip", "setuptools"}


def test_there_are_four_services() -> None:
    assert sorted(path.parent.name for path in (HOUSE / "services").glob("*/__init__.py")) == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_needs_nothing_but_shared_and_its_own_packages(tmp_path: Path, service: str) -> None:
    siblings = [f"services.{name}" for name in SERVICES if name != service]
    alone = copy_out(tmp_path, "shared", f"services/{service}")

    hidden = "" if service == "query" else TAKEN_WHERE_INSTALLED
    seen = import_in(alone, f"services.{service}.app", *siblings, "deploy", hidden=hidden)

    assert seen["missing"] == {**{name: name for name in siblings}, "deploy": "deploy"}
    assert packages_outside(service, seen["modules"]) == set()


def test_provision_and_demo_need_no_service_and_no_local_server(tmp_path: Path) -> None:
    alone = copy_out(tmp_path, "shared", "deploy")

    seen = import_in(alone, "deploy.provision", "deploy.demo.__main__", "services")

    assert seen["missing"] == {"services": "services"}
    assert packages_outside("base", seen["modules"]) == set()
