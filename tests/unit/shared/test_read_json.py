import subprocess
import sys

import orjson
import pytest

from shared.contracts.read_json import read_json

LITTLE = 2 * 1024 * 1024
"""Bytes that the process may still take: less than the parser asks for."""

PROGRAM = f"""
import resource
from shared.contracts.read_json import read_json

text = b"[" + b"1," * 400_000 + b"1]"
with open("/proc/self/status") as status:
    held = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (held + {LITTLE}, resource.RLIM_INFINITY))
try:
    read_json(text)
except MemoryError as error:
    print("no verdict:", error)
"""


def test_what_there_is_no_memory_for_is_not_called_broken() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.startswith("no verdict: Not enough memory")


def test_what_is_no_json_is_refused() -> None:
    assert read_json(b'{"a": [1, "\xc3\xa9"]}') == {"a": [1, "é"]}
    with pytest.raises(orjson.JSONDecodeError):
        read_json(b'{"a": ')
