"""API keys, tokens and codes: what a key can be, and how they are stored, so that whoever reads the database learns none of them."""

import hashlib
from typing import Final

LEAST_KEY_LENGTH: Final = 32


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret, hex: secrets are long and random, so no slow hash is needed."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def is_sendable(key: str) -> bool:
    """Say whether a request can carry the key in its header as it is: ASCII, and no blank at its ends."""
    return key.isascii() and key.isprintable() and key == key.strip()
