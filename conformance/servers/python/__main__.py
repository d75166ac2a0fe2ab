"""`python3 conformance/servers/python/`: a Tidemark server that shares nothing with the gateway but the contract."""

from tidemark.main import main

main()
