"""schemathesis against a query service of its own: `python -m tests.support.api_fuzz` asks long, the suite asks briefly."""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

from deploy.local.servers import Servers, start_servers
from deploy.provision import provision_collections, provision_topics
from shared.contracts.names import COLLECTIONS, TOPICS
from shared.contracts.stored_secrets import digest_of
from shared.mongo.client import connect
from tests.support.builders import make_event
from tests.support.query_process import KEY, QueryProcess
from tests.support.seed import seed_entry
from tests.support.shop import seed_shop

PROGRAM = Path(sys.executable).with_name("st")
FUZZ = Path(__file__).parents[1] / "integration/query/fuzz"
LONG = ("--max-examples", "300")
TIMEOUT_SECONDS = 3 * 3600


def ask_everything(servers: Servers, database: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Ask the API of a seeded shop everything that its schema allows and refuses; the exit code is 0 when nothing was found."""
    account = f"loja-{uuid4().hex[:8]}"
    asyncio.run(_seed(servers, database, account))
    with tempfile.TemporaryDirectory() as folder:
        process = QueryProcess(
            servers.kafka.bootstrap,
            servers.mongo.uri,
            database,
            account,
            Path(folder),
            PONTE_QUERY_STREAM_SECONDS="0.2",  # a stream is read to its end
            PONTE_QUERY_RATE_PER_SECOND="100000",
        )
        with process.running():
            done = _run(process.url, folder, *options)
            if process.ask("/v1/keys").status != 200:
                done.returncode, done.stdout = (
                    1,
                    f"{done.stdout}\nthe key that asked is no longer good: nothing was shown",
                )
            return done


def _run(url: str, folder: str, *options: str) -> subprocess.CompletedProcess[str]:
    given = {
        "PONTE_FUZZ_KEY": KEY,
        "PONTE_FUZZ_KEY_ID": digest_of(KEY)[:16],
        "PONTE_FUZZ_HOOKS": "tests.integration.query.fuzz.hooks",
        "PYTHONPATH": str(FUZZ.parents[3]),
    }
    command = [
        str(PROGRAM),
        "--config-file",
        str(FUZZ / "schemathesis.toml"),
        "--no-color",
        "run",
        f"{url}/openapi.json",
    ]
    return subprocess.run(
        [*command, *options],
        cwd=folder,
        env={**os.environ, **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )


async def _seed(servers: Servers, database: str, account: str) -> None:
    async with connect(servers.mongo.uri, service="test") as client:
        shop = await seed_shop(client[database], account)
        told = {"account": account, "affiliate": "MLC", "code": "2000004567"}  # the example of the schema
        success = make_event(**told, status="success", causes=[], processed_at="2026-11-23T08:00:00.000Z")
        error = make_event(**told, payload=shop.known, processed_at="2026-11-23T09:00:00.000Z")
        await seed_entry(client[database], success, error)


def main() -> int:
    """Start servers, ask, print what was found. The arguments are schemathesis's, such as `--max-examples 1000`."""
    database = f"fuzz_{uuid4().hex[:8]}"
    with start_servers(None, environ=os.environ) as servers:
        provision_topics(servers.kafka.bootstrap, TOPICS)
        provision_collections(servers.mongo.uri, database, COLLECTIONS)
        done = ask_everything(servers, database, *(sys.argv[1:] or LONG))
    print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
