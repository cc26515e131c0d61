"""API keys, tokens and codes as they are stored: whoever reads the database learns none of them."""

import hashlib


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret, hex: secrets are long and random, so no slow hash is needed."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
