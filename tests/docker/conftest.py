"""This ring needs a container engine, so it is collected only where someone says that there is one."""

import os

collect_ignore_glob = [] if os.environ.get("PONTE_TEST_DOCKER") == "1" else ["test_*.py"]
