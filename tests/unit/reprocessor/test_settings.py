from datetime import timedelta

import pytest

from services.reprocessor.app import limits_of
from services.reprocessor.handlers.ports import Limits
from services.reprocessor.settings import Settings
from shared.contracts.errors import Defect
from shared.runtime.settings import read_settings


@pytest.fixture(autouse=True)
def servers_given(monkeypatch):
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "127.0.0.1:9092")
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://127.0.0.1")


def test_the_defaults_of_the_settings_are_those_of_the_stories():
    assert limits_of(read_settings(Settings)) == Limits()


@pytest.mark.parametrize("text", ["90", "90.0", "PT1M30S", "00:01:30"])
def test_a_duration_is_seconds_or_iso_8601(monkeypatch, text):
    monkeypatch.setenv("PONTE_REPROCESSOR_RESCUE_AFTER", text)

    assert read_settings(Settings).reprocessor_rescue_after == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("knob", "value"), [("SLICE", "20"), ("SLICE", "0"), ("LEASE", "-1"), ("RUNNERS", "0"), ("IDLE", "soon")]
)
def test_a_wrong_knob_is_named_at_start(monkeypatch, knob, value):
    monkeypatch.setenv(f"PONTE_REPROCESSOR_{knob}", value)

    with pytest.raises(Defect, match=f"PONTE_REPROCESSOR_{knob}"):
        read_settings(Settings)
