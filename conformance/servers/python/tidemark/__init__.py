"""A Tidemark server, written from the contract alone."""
