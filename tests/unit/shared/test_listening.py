import socket

import pytest

from shared.contracts.errors import Defect
from shared.runtime.listening import listen

SETTINGS = ("THE_HOST", "THE_PORT")


def test_a_free_port_is_taken() -> None:
    with listen("127.0.0.1", 0, settings=SETTINGS) as listener:
        with socket.create_connection(listener.getsockname()):
            pass
        host, port = listener.getsockname()
        with pytest.raises(Defect, match=f"cannot listen on {host}:{port}: .* in use; set THE_PORT to a free port$"):
            listen(host, port, settings=SETTINGS)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_told_so(host: str) -> None:
    with pytest.raises(Defect, match=f"cannot listen on {host}:0: .+; set THE_HOST to an address of this machine$"):
        listen(host, 0, settings=SETTINGS)
