"""Servers that a single message stops: the process ends, or it no longer answers any client."""

from __future__ import annotations

import os
import time

from ..connection import Connection
from ..errors import ProtocolError
from ..http import Head, Response
from ..routes import Routes
from .registry import mutant


@mutant("deep-json-kills", "JSON that is nested too deep ends the process", clause="ERR-3")
class DeepJsonKills(Connection):
    def receive(self, text: str) -> None:
        if "[[[[[[[[" in text:
            os._exit(139)
        super().receive(text)


@mutant("unknown-field-hangs", "after an unknown field the server no longer answers any client", clause="ENV-4")
class UnknownFieldHangs(Connection):
    def refuse(self, error: ProtocolError) -> None:
        if error.code == "invalid_message" and error.pointer == "/data/extra":
            time.sleep(3600)
        super().refuse(error)


@mutant("explain-kills", "a request of POST /ws/explain ends the process", clause="OPS-3")
class ExplainKills(Routes):
    def post_explain(self, head: Head, body: bytes) -> Response:
        os._exit(1)
