"""`python3 conformance/servers/python/`: a Tidemark server that shares nothing with the gateway but the contract."""

import sys

DEBIAN_PACKAGES = "/usr/lib/python3/dist-packages"

try:
    import websockets  # noqa: F401
except ImportError:
    # A Python that Debian did not install does not look where Debian's python3-websockets is.
    sys.path.append(DEBIAN_PACKAGES)

try:
    from tidemark.main import main
except ModuleNotFoundError as error:
    if error.name != "websockets":
        raise
    sys.exit("The library websockets is missing: apt-get install python3-websockets")

main()
