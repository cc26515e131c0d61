"""A real identity provider, small: discovery and keys over HTTP, tokens signed with real keys."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "ponte-api"
DISCOVERY = "/.well-known/openid-configuration"
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class SigningKey:
    """A private key with its id, and how its signatures are called."""

    def __init__(self, kid: str, private: Private, algorithm: str) -> None:
        self.kid, self.private, self.algorithm = kid, private, algorithm

    @classmethod
    def rsa(cls, kid: str, *, algorithm: str = "RS256", bits: int = 2048) -> "SigningKey":
        return cls(kid, rsa.generate_private_key(65537, bits), algorithm)

    @classmethod
    def elliptic(cls, kid: str) -> "SigningKey":
        return cls(kid, ec.generate_private_key(ec.SECP256R1()), "ES256")

    @classmethod
    def edwards(cls, kid: str) -> "SigningKey":
        return cls(kid, ed25519.Ed25519PrivateKey.generate(), "EdDSA")

    @property
    def pem(self) -> bytes:
        """The public key as a file: what a confused server would take for a shared secret."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def public(self) -> dict[str, Any]:
        """The public key as a JWK."""
        public = self.private.public_key()
        algorithms = {"RSA": RSAAlgorithm, "EC": ECAlgorithm, "OKP": OKPAlgorithm}
        kind = "RSA" if isinstance(self.private, rsa.RSAPrivateKey) else "EC" if self.algorithm == "ES256" else "OKP"
        made = algorithms[kind].to_jwk(public, as_dict=True)
        return {**made, "kid": self.kid, "use": "sig", "alg": self.algorithm}


class Issuer:
    """What the provider publishes now; `asked` counts the requests for its keys. `status` other than 200: it is ill."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.signing = SigningKey.rsa("rsa-1")
        self.keys: list[dict[str, Any]] = [self.signing.public()]
        self.calls_itself = self.url
        self.jwks_uri = f"{self.url}/keys"
        self.status = 200
        self.stuck = threading.Event()
        self.stuck.set()  # cleared: requests hang until it is set again
        self.asked = 0

    def rotate(self, key: SigningKey) -> None:
        """Publish another key and sign with it; the ones before stay published."""
        self.signing = key
        self.keys.append(key.public())

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Valid claims; a change to None leaves one out."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "u-1",
            "iat": now,
            "exp": now + 300,
            "account": "loja",
            "scope": "openid read",
            "preferred_username": "ana",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def token(self, *, key: SigningKey | None = None, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """A signed token; `changes` are claims, `headers` those of the token; a change to None leaves one out."""
        by = key or self.signing
        told = {name: value for name, value in {"kid": by.kid, **(headers or {})}.items() if value is not None}
        return jwt.encode(self.claims(**changes), by.private, algorithm=by.algorithm, headers=told)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        """What a request for `path` gets."""
        self.stuck.wait(timeout=30)
        if path == DISCOVERY:
            return self.status, {"issuer": self.calls_itself, "jwks_uri": self.jwks_uri}
        self.asked += 1
        return self.status, {"keys": self.keys}


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """Serve an issuer on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = issuer.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            with suppress(BrokenPipeError):  # whoever asked gave up on a stuck issuer
                self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    issuer = Issuer(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        issuer.stuck.set()
        server.shutdown()
        server.server_close()
        thread.join()
