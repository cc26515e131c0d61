import errno
import os

import pytest

from services.exporter import app
from shared.contracts.errors import Defect


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def open_spool(_: str | None) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(app, "open_spool", open_spool)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_or_a_used_up_quota_keeps_no_exporter_from_starting(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse(monkeypatch, number)
    app.refuse_a_wrong_folder("/reports")


def test_a_folder_that_cannot_be_written_does(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, errno.EACCES)
    with pytest.raises(Defect, match=r"in /reports \(Permission denied\): set PONTE_EXPORTER_TEMP_FOLDER"):
        app.refuse_a_wrong_folder("/reports")
