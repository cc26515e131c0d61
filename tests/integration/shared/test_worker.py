import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

from deploy.local.servers import start_servers
from deploy.provision import provision
from shared.runtime.start import EXIT_STOPPED_LATE
from tests.support.eventually import eventually


def test_a_worker_stops_in_time_though_both_servers_are_gone_and_its_code_says_how(tmp_path):
    log = tmp_path / "log"
    with start_servers(None, environ={}) as servers:
        provision(servers.kafka.bootstrap, servers.mongo.uri, "ponte")
        environment = {
            **os.environ,
            "PONTE_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
            "PONTE_MONGO_URI": servers.mongo.uri,
            "PONTE_STOP_SECONDS": "2",
            "PONTE_REPROCESSOR_GROUP": f"test.{uuid4().hex[:12]}",
        }
        with log.open("wb") as output:
            worker = subprocess.Popen([sys.executable, "-m", "services.reprocessor"], env=environment, stderr=output)
        eventually(log.read_text, lambda text: "health.listening" in text)
    try:
        asked_at = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(20)
        assert code == (EXIT_STOPPED_LATE if "worker.gave_up_stopping" in log.read_text() else 0)
        assert time.monotonic() - asked_at < 10
    finally:
        worker.kill()
        worker.wait()
