import pytest

from services.query.settings import Settings
from shared.contracts.errors import Defect
from shared.runtime.settings import read_settings


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("short", "must have 32 characters or more, this has 5"),
        ("chave-de-acesso-à-loja-0123456789", "which no request can carry"),
        ("0123456789012345678901234567890123 ", "which no request can carry"),
        ("0123456789012345\t6789012345678901", "which no request can carry"),
    ],
)
def test_a_key_that_nobody_could_use_is_refused_before_the_service_starts(
    monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    monkeypatch.setenv("PONTE_KAFKA_BOOTSTRAP", "none:1")
    monkeypatch.setenv("PONTE_MONGO_URI", "mongodb://nowhere")
    monkeypatch.setenv("PONTE_API_KEY", key)

    with pytest.raises(Defect) as refused:
        read_settings(Settings)

    assert str(refused.value).startswith("settings are wrong: PONTE_API_KEY: ")
    assert said in str(refused.value)
    assert key not in str(refused.value)
