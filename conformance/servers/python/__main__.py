"""`python3 conformance/servers/python/`: a Tidemark server that shares only the contract with the gateway."""

from tidemark.main import main

main()
