"""Tests of the server: `cd conformance/servers/python && python3 -m unittest`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
try:
    import websockets  # noqa: F401
except ImportError:
    sys.path.append("/usr/lib/python3/dist-packages")
