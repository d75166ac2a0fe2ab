"""Tests of the Python client: ``python3 -m unittest discover -s codegen/python/tests -t codegen/python``."""
