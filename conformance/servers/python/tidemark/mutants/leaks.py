"""Servers that reveal information that they must not send (ERR-2)."""

from __future__ import annotations

import sys
import traceback
from dataclasses import replace
from typing import Any

from ..connection import Connection
from ..envelope import Message
from ..errors import ProtocolError
from ..http import Head, Response
from ..outbox import Outgoing
from ..principals import Principal
from ..routes import Routes
from .registry import mutant


@mutant("stack-trace-leaked", "errors contain stack traces of the server", clause="ERR-2")
class StackTraceLeaked(Connection):
    def refuse(self, error: ProtocolError) -> None:
        error.text += "\n" + "".join(traceback.format_exception(error))
        super().refuse(error)


@mutant("path-in-details", "the details of errors name a file of the server", clause="ERR-2")
class PathInDetails(Connection):
    def refuse(self, error: ProtocolError) -> None:
        error.details = {**(error.details or {}), "program": sys.executable}
        super().refuse(error)


@mutant("path-in-health", "the health report names the program that runs", clause="ERR-2")
class PathInHealth(Routes):
    def health_for(self, principal: Principal) -> dict[str, Any]:
        return {**super().health_for(principal), "program": sys.executable}


@mutant("password-in-welcome", "welcome shows the address of a database with its password", clause="ERR-2")
class PasswordInWelcome(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        shown = {"store": "redis://gateway:w1pe-0ut@10.0.0.7:6379/0"}
        found = super().messages(outgoing)
        return [{**each, "data": {**each["data"], **shown}} if each["type"] == "welcome" else each for each in found]


@mutant("stack-trace-in-body", "a request that fails is answered with a stack trace", clause="ERR-2")
class StackTraceInBody(Routes):
    def failure(self, error: ProtocolError, *, status: int | None = None) -> Response:
        error.text += " " + "".join(traceback.format_exception(error))
        return super().failure(error, status=status)


@mutant("path-in-header", "a response header names a file of the server", clause="ERR-2")
class PathInHeader(Routes):
    def get_healthz(self, head: Head, body: bytes) -> Response:
        return replace(super().get_healthz(head, body), headers=(("X-Served-By", f"{sys.executable} -m tidemark"),))


@mutant("credential-in-error", "the error for an invalid credential contains the credential", clause="ERR-2")
class CredentialInError(Routes):
    def identify(self, head: Head) -> tuple[Principal, str | None]:
        try:
            return super().identify(head)
        except ProtocolError as error:
            error.text += f" It was {self.token_of(head)}."
            raise
