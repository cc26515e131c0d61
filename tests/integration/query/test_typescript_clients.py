"""A front end's client, generated from /openapi.json and compiled: it is only as good as the schema is."""

import json
import re
import shutil
from pathlib import Path

import pytest

from services.query.app import build
from services.query.settings import Settings
from tests.support.api_contract import NOWHERE
from tests.support.typescript import HERE, TypeScript


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "openapi.json").write_text(json.dumps(build(Settings(**NOWHERE)).openapi()))
    shutil.copy(HERE / "tsconfig.json", tmp_path)
    TypeScript.fetched().generate(tmp_path / "openapi.json", tmp_path / "schema.ts")
    return tmp_path


def test_a_strict_program_over_the_generated_types_compiles(project: Path) -> None:
    shutil.copy(HERE / "sample.ts", project)

    assert TypeScript.fetched().complaints(project) == []


def test_wrong_uses_do_not_compile(project: Path) -> None:
    shutil.copy(HERE / "wrong.ts", project)
    lines = (HERE / "wrong.ts").read_text().splitlines()
    marked = {number for number, line in enumerate(lines, start=1) if "// wrong: " in line}

    said = TypeScript.fetched().complaints(project)

    refused = {int(found[1]) for line in said if (found := re.match(r"wrong\.ts\((\d+),", line))}
    assert refused == marked, "\n".join(said)
