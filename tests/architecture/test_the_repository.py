"""What is committed is whole, explains itself, and names neither a registry's host nor a path of someone's machine."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
PYPROJECT = (HOUSE / "pyproject.toml").read_text(encoding="utf-8")
LOCKS = [HOUSE / "requirements.lock", *sorted((HOUSE / "deploy/locks").glob("*.lock"))]
NODE_LOCK = HOUSE / "tests/integration/query/typescript/node.lock"
"""Of the one package that only the TypeScript check needs."""
PACKAGES = ("services", "shared", "deploy")

# In parts, so that this page does not name them either.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("repo1", "maven"),
        ("repo", "maven", "apache"),
        ("registry", "npmjs"),
        ("proxy", "golang"),
        ("registry-1", "docker"),
        ("index", "docker", "io"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w.~$}*/-])/(?:root/|work/|(?:home|Users)/(?!someone))\w")


def committed() -> list[Path]:
    """Return the files of the checkout that git keeps or would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return [path for name in listed if name and (path := HOUSE / name).is_file()]


def texts() -> dict[str, str]:
    """Return the committed texts by name; pictures and the like are left out."""
    read = {}
    for path in committed():
        try:
            read[str(path.relative_to(HOUSE))] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return read


def pages() -> list[Path]:
    """Return the committed pages of prose."""
    return [path for path in committed() if path.suffix == ".md"]


def test_no_file_names_a_registrys_host() -> None:
    found = [f"{name}: {host}" for name, text in texts().items() for host in REGISTRY_HOSTS if host in text]

    assert found == []


def test_no_file_names_a_path_of_someones_machine() -> None:
    found = [f"{name}: {match.group()}" for name, text in texts().items() if (match := MACHINE_PATH.search(text))]

    assert found == []


def test_every_dependency_says_why_it_is_there() -> None:
    block = PYPROJECT.partition("\ndependencies = [")[2].partition("\n[project.scripts]")[0]
    lines = [line for line in block.splitlines() if line.startswith('  "')]

    assert len(lines) > 30
    assert [line for line in lines if not re.search(r'",?\s+# \w.{10,}', line)] == []


@pytest.mark.parametrize("lock", [*LOCKS, NODE_LOCK], ids=lambda path: path.stem)
def test_every_locked_package_is_pinned_and_hashed(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = [block for block in re.split(r"\n(?=\S)", text) if block.strip()]
    whole = re.compile(r"[a-z0-9._-]+==[^\s;]+(?: ; [^\\\n]+)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\\n|\n?$))+")

    assert len(blocks) > 20 or lock == NODE_LOCK
    assert [block.splitlines()[0] for block in blocks if not whole.fullmatch(block)] == []
    assert "://" not in text


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads(PYPROJECT)["project"]
    wanted = [
        *project["dependencies"],
        *(line for lines in project["optional-dependencies"].values() for line in lines),
    ]
    names = {re.match(r"[\w.-]+", line).group().lower().replace("_", "-") for line in wanted}

    locked = set(
        re.findall(r"^([a-z0-9._-]+)==", (HOUSE / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert names - locked == set()


def test_every_module_opens_with_its_purpose() -> None:
    modules = [path for path in committed() if path.suffix == ".py" and path.relative_to(HOUSE).parts[0] in PACKAGES]

    silent = [
        str(path.relative_to(HOUSE))
        for path in modules
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert modules
    assert silent == []


def test_what_two_test_files_share_stands_in_support() -> None:
    imports = re.compile(r"^(?:from|import) (tests\.\S*\btest_\w+)", re.MULTILINE)
    found = [f"{name}: {module}" for name, text in texts().items() for module in imports.findall(text)]

    assert found == []


def test_every_link_leads_somewhere() -> None:
    broken = []
    for page in pages():
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path = target.partition("#")[0]
            if path and "://" not in path and not (page.parent / path).exists():
                broken.append(f"{page.relative_to(HOUSE)}: {target}")

    assert broken == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (HOUSE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    named = {
        (str(page.relative_to(HOUSE)), target)
        for page in pages()
        for target in re.findall(r"`make ([a-z0-9-]+)", page.read_text(encoding="utf-8"))
    }

    assert {(page, target) for page, target in named if target not in targets} == set()


@pytest.mark.parametrize("service", ["ingest", "query", "reprocessor", "exporter"])
def test_every_service_has_a_page_that_says_what_it_reads_writes_promises_and_how_it_fails(service: str) -> None:
    page = HOUSE / "services" / service / "README.md"

    text = page.read_text(encoding="utf-8").lower() if page.exists() else ""

    assert [word for word in ("reads", "writes", "promises", "knobs", "fails") if word not in text] == []
