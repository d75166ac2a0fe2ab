"""The bundled contract: the only source of names, limits, schemas and policies."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

ROOT = Path(__file__).resolve().parents[4]
BUNDLE = ROOT / "generated" / "contract.json"
SOURCE = ROOT / "asyncapi.yaml"
REFERENCE = ROOT / "docs" / "reference" / "index.html"
REFERENCE_TEXT = ROOT / "docs" / "reference" / "protocol.md"

CUSTOM = "*"
"""The name under which the contract describes all events that it does not declare."""


@dataclass(frozen=True)
class ReplayPolicy:
    """Which events of one name a warm replay contains (`x-replay`)."""

    policy: str
    key: str | None = None
    key_space: str | None = None
    clears: bool = False


@dataclass(frozen=True)
class EventSpec:
    """What the contract declares for one event or, under `*`, for every custom event."""

    name: str
    payload_schema: str
    replay: ReplayPolicy
    filterable: Mapping[str, tuple[str, ...]]
    enumerated: Mapping[str, tuple[str, ...]]
    """For each filter field with an enumeration in the schema of the payload: the values that the event can have there."""
    stream: tuple[str, str] | None
    """The only stream on which the event may be published (`x-stream`): the kind of the stream, and a pointer to its
    id."""


class Contract:
    """The contract, with lookups by its names."""

    def __init__(self, bundle: bytes, source: bytes) -> None:
        document: dict[str, Any] = json.loads(bundle)
        self.source = source
        self.bundle = bundle
        self.digest = "sha256:" + hashlib.sha256(bundle).hexdigest()
        self.version: str = document["info"]["version"]
        self.subprotocol: str = document["x-subprotocol"]
        self.credential_parameters = frozenset(document["x-credential-parameters"])
        self.schemas: Mapping[str, Any] = document["components"]["schemas"]
        self.messages: Mapping[str, Any] = document["components"]["messages"]
        self.errors: Mapping[str, Any] = document["x-errors"]
        self.bad_messages = frozenset(
            code for code, spec in self.errors.items() if spec.get("counts") == "bad-message"
        )
        self.before_authentication = frozenset(
            name for name, operation in document["operations"].items() if operation.get("x-before-authentication")
        )
        self.limits: Mapping[str, Any] = document["x-limits"]
        self.filter_kinds: Mapping[str, str] = {name: spec["kind"] for name, spec in document["x-filters"].items()}
        self.close_codes: Mapping[str, tuple[int, bool]] = {
            spec["name"]: (int(code), spec["class"] != "do-not-retry")
            for code, spec in document["x-close-codes"].items()
        }
        self.commands = self._commands(document)
        self.events = self._events()

    @classmethod
    def load(cls) -> Contract:
        return cls(BUNDLE.read_bytes(), SOURCE.read_bytes())

    def _commands(self, document: Mapping[str, Any]) -> frozenset[str]:
        """The commands that a client may send: the operations that the server receives on the connection."""
        return frozenset(
            name
            for name, operation in document["operations"].items()
            if operation["action"] == "receive" and operation["channel"]["$ref"] == "#/channels/connection"
        )

    def _events(self) -> Mapping[str, EventSpec]:
        specs = {}
        for message in self.messages.values():
            name = message.get("x-event")
            if name is None:
                continue
            replay = message["x-replay"]
            policy = ReplayPolicy(
                replay["policy"], replay.get("key"), replay.get("keySpace"), replay.get("clears", False)
            )
            filterable = {field: tuple(pointers) for field, pointers in message["x-filterable"].items()}
            place = message.get("x-stream")
            stream = None if place is None else (place["kind"], place["id"])
            payload = {"properties": {"payload": self.schemas[message["x-payload"]]}}
            enumerated = {
                field: tuple(values)
                for field, pointers in filterable.items()
                if (values := self._values(payload, pointers)) is not None
            }
            specs[name] = EventSpec(name, message["x-payload"], policy, filterable, enumerated, stream)
        return specs

    def _values(self, root: Mapping[str, Any], pointers: tuple[str, ...]) -> list[str] | None:
        """All possible values at the pointers. None if the schema at any pointer does not enumerate its values."""
        values: list[str] = []
        for pointer in pointers:
            schema: Mapping[str, Any] = root
            for name in pointer.split("/")[1:]:
                schema = self.resolve(self.resolve(schema).get("items", schema))
                schema = self.resolve(schema).get("properties", {}).get(name, {})
            schema = self.resolve(schema)
            schema = self.resolve(schema.get("items", schema))
            if "enum" not in schema:
                return None
            values += schema["enum"]
        return values

    def event(self, name: str) -> EventSpec:
        return self.events.get(name) or self.events[CUSTOM]

    def schema_of(self, message: str) -> Mapping[str, Any]:
        return self.resolve(self.messages[message]["payload"])

    def error_pointers(self, message: str) -> Mapping[str, str]:
        """The pointers at which an invalid value has its own error code."""
        pointers: Mapping[str, str] = self.messages[message].get("x-error-pointers", {})
        return pointers

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = schema.get("$ref")
        if reference is None:
            return schema
        resolved: Mapping[str, Any] = self.schemas[reference.rpartition("/")[2]]
        return resolved


@dataclass(frozen=True)
class Limits:
    """The limits that apply: the defaults of the contract, unless the operator has set others."""

    values: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.values[name]

    def seconds(self, name: str) -> float:
        return self.values[name] / 1000

    @classmethod
    def of(cls, contract: Contract, chosen: Mapping[str, int]) -> Limits:
        """:raises ValueError: for an unknown name, or a value outside its range"""
        for name, value in chosen.items():
            spec = contract.limits.get(name)
            if spec is None:
                raise ValueError(f"unknown limit {name!r}; expected one of {', '.join(contract.limits)}")
            if not spec["minimum"] <= value <= spec["maximum"]:
                raise ValueError(f"{name} is {value}; expected {spec['minimum']} to {spec['maximum']}")
        return cls({name: chosen.get(name, spec["default"]) for name, spec in contract.limits.items()})


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compiles a pattern of the contract (ECMA-262) for Python, where `$` would also match before a final line break."""
    ending = pattern[:-1] + r"\Z" if pattern.endswith("$") and not pattern.endswith(r"\$") else pattern
    return re.compile(ending, re.ASCII)
