import subprocess

from deploy.local.libraries import borrowed_path, library_path, missing_libraries
from deploy.local.mongod import find_mongod


def test_a_program_that_finds_its_libraries_borrows_none(tmp_path):
    assert library_path(find_mongod()) is None or "libcurl.so.4" in missing_libraries(find_mongod())


def test_mongod_runs_on_the_borrowed_libraries(monkeypatch, tmp_path):
    monkeypatch.setenv("PONTE_CACHE_DIR", str(tmp_path))
    path = borrowed_path()
    assert {link.name for link in (tmp_path / "libraries").iterdir()} == {
        "libcurl.so.4",
        "libssl.so.3",
        "libcrypto.so.3",
    }
    assert missing_libraries(find_mongod(), path) == []
    ran = subprocess.run([find_mongod(), "--version"], env={"LD_LIBRARY_PATH": path}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (
        str(tmp_path)
        in subprocess.run(
            ["ldd", find_mongod()],
            env={"LD_LIBRARY_PATH": path, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        ).stdout
    )
