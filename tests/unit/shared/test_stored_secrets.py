"""What stands in databases already: with another digest no key would be known any more."""

import pytest

from shared.contracts.stored_secrets import digest_of


@pytest.mark.parametrize(
    ("secret", "digest"),
    [
        ("a key of thirty-two characters…!", "37d9118e7388ad086e3ac08b15a43718c0b0a38e1486be2af47bb85c501f5eda"),
        ("\ud800", "91a681b998555fb475479817b126c94e57e52011fa1842c5d188795a4a05226b"),
    ],
)
def test_a_secret_keeps_its_digest(secret: str, digest: str) -> None:
    assert digest_of(secret) == digest
