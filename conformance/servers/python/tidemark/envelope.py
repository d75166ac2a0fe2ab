"""`{type, id?, data}`: parses messages of clients and builds messages to clients (ENV-1 to ENV-4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .contract import Contract
from .errors import ProtocolError
from .schema import Validator, Violation
from .strict_json import JsonError, find_huge_number, parse

Message = dict[str, Any]


@dataclass(frozen=True)
class Command:
    type: str
    id: str | None
    data: dict[str, Any]


class CommandReader:
    """Parses the text of a frame into a command. Its errors contain the `id` of the command if the id could be read."""

    def __init__(self, contract: Contract, depth: int) -> None:
        self._contract = contract
        self._validator = Validator(contract)
        self._depth = depth

    def read(self, text: str) -> Command:
        """:raises ProtocolError: invalid_json, invalid_message, unknown_type, or a code from `x-error-pointers`"""
        value = self.parse_object(text)
        command_id = self._id_of(value)
        try:
            return self._read(value, command_id)
        except ProtocolError as error:
            error.command_id = command_id
            raise

    def _read(self, value: dict[str, Any], command_id: str | None) -> Command:
        kind = value.get("type")
        if not isinstance(kind, str):
            raise ProtocolError("invalid_message", "The message needs a `type`, which must be a string.", pointer="/type")
        if kind not in self._contract.commands:
            known = ", ".join(sorted(self._contract.commands))
            raise ProtocolError("unknown_type", f"Unknown command; expected one of {known}.", pointer="/type")
        self.check(kind, value)
        return Command(kind, command_id, value["data"])

    def parse_object(self, text: str) -> dict[str, Any]:
        """:raises ProtocolError: invalid_json"""
        try:
            value = parse(text, depth=self._depth)
        except JsonError as error:
            raise ProtocolError("invalid_json", str(error)) from error
        if not isinstance(value, dict):
            raise ProtocolError("invalid_json", "Expected one JSON object.")
        return value

    def check(self, message: str, value: dict[str, Any]) -> None:
        """Validates a message, or the body of a request, against its schema.

        :raises ProtocolError: invalid_message, or a code from `x-error-pointers`
        """
        found = self._validator.check(self._contract.schema_of(message), value)
        if found is not None:
            raise ProtocolError(self._code(message, found), found.text, pointer=found.pointer)
        huge = find_huge_number(value)
        if huge is not None:
            raise ProtocolError("invalid_message", "A number is larger than 2^53−1.", pointer=huge)

    def check_payload(self, event: str, payload: dict[str, Any], pointer: str) -> None:
        """:raises ProtocolError: payload_invalid"""
        schema = self._contract.schemas[self._contract.event(event).payload_schema]
        found = self._validator.check(schema, payload, pointer)
        if found is not None:
            raise ProtocolError("payload_invalid", f"The payload of {event}: {found.text}", pointer=found.pointer)

    def _id_of(self, value: dict[str, Any]) -> str | None:
        command_id = value.get("id")
        fits = self._validator.check(self._contract.schemas["MessageId"], command_id) is None
        return command_id if fits else None

    def _code(self, message: str, found: Violation) -> str:
        """The error code: `invalid_message` for an unknown or missing field (ENV-4). An invalid value may have its own
        code."""
        if found.kind == "value":
            for pointer, code in self._contract.error_pointers(message).items():
                if found.pointer == pointer or found.pointer.startswith(pointer + "/"):
                    return code
        return "invalid_message"


def push(kind: str, data: dict[str, Any]) -> Message:
    return {"type": kind, "data": data}


def reply(kind: str, command_id: str | None, data: dict[str, Any]) -> Message:
    return {"type": kind, "data": data} if command_id is None else {"type": kind, "id": command_id, "data": data}


def error_message(contract: Contract, error: ProtocolError) -> Message:
    return reply("error", error.command_id, error.data(contract.errors[error.code]["retryable"]))
