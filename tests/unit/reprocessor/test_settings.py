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


def test_a_lease_outlasts_what_a_message_may_take_until_it_is_renewed(monkeypatch):
    monkeypatch.setenv("PONTE_REPROCESSOR_PUBLISH_TIMEOUT", "10")
    assert read_settings(Settings).reprocessor_lease == timedelta(seconds=20)

    monkeypatch.setenv("PONTE_REPROCESSOR_PUBLISH_TIMEOUT", "10.5")
    with pytest.raises(
        Defect, match="wrong: PONTE_REPROCESSOR_LEASE must be at least twice PONTE_REPROCESSOR_PUBLISH_TIM"
    ):
        read_settings(Settings)


@pytest.mark.parametrize("text", ["60,300", " 60.0 , PT5M", "PT1M,PT5M"])
def test_the_delays_of_automatic_retries_are_a_list(monkeypatch, text):
    monkeypatch.setenv("PONTE_RETRY_DELAYS", text)

    assert read_settings(Settings).retry_delays == (timedelta(minutes=1), timedelta(minutes=5))


def test_no_delays_at_all_switch_automatic_retries_off(monkeypatch):
    monkeypatch.setenv("PONTE_RETRY_DELAYS", "")

    assert read_settings(Settings).retry_delays == ()


@pytest.mark.parametrize("text", ["soon", "60,soon", "0", "-5", "1e99", "nan", "90000"])
def test_a_wrong_delay_is_named_at_start(monkeypatch, text):
    monkeypatch.setenv("PONTE_RETRY_DELAYS", text)

    with pytest.raises(Defect, match="PONTE_RETRY_DELAYS"):
        read_settings(Settings)
