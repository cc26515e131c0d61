from pathlib import Path

import pytest

from deploy.errors import CommandError
from deploy.kept_key import kept_key
from shared.contracts.stored_secrets import LEAST_KEY_LENGTH


def test_a_fresh_folder_is_made_and_its_key_stays(tmp_path: Path) -> None:
    folder = tmp_path / "fresh" / ".ponte"
    key = kept_key(folder)

    assert len(key) >= LEAST_KEY_LENGTH
    assert kept_key(folder) == key
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "api-key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["api-key"]


@pytest.mark.parametrize("left", ["", "\n", "\0" * 43])
def test_what_a_crash_left_is_no_key(tmp_path: Path, left: str) -> None:
    (tmp_path / "api-key").write_text(left)
    key = kept_key(tmp_path)

    assert len(key) >= LEAST_KEY_LENGTH
    assert (tmp_path / "api-key").read_text() == key


def test_a_key_that_is_too_short_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "api-key").write_text("short")
    with pytest.raises(CommandError, match=r"api-key holds 5 characters.*remove it"):
        kept_key(tmp_path)


def test_a_key_that_no_request_can_carry_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "api-key").write_bytes("chave-de-acesso-à-loja-0123456789".encode())
    with pytest.raises(CommandError, match=r"api-key holds something.*remove it"):
        kept_key(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be kept"):
        kept_key(tmp_path / "file" / ".ponte")
