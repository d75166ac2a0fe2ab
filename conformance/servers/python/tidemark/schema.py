"""The part of JSON Schema that the contract uses, for untrusted values. Every violation has a pointer."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Mapping

from .contract import Contract, compile_pattern
from .strict_json import escape

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Violation:
    """The first violation of a schema."""

    pointer: str
    text: str
    kind: str
    """`unknown` (a field), `missing` (a field) or `value`."""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
}

_pattern = lru_cache(maxsize=None)(compile_pattern)


class Validator:
    def __init__(self, contract: Contract) -> None:
        self._contract = contract

    def check(self, schema: Schema, value: Any, pointer: str = "") -> Violation | None:
        schema = self._contract.resolve(schema)
        if "oneOf" in schema:
            return self._check_one_of(schema, value, pointer)
        wanted = schema.get("type")
        if wanted is not None and not _TYPES[wanted](value):
            return Violation(pointer, f"This must be of type {wanted}.", "value")
        if "const" in schema and value != schema["const"]:
            return Violation(pointer, f"This must be {schema['const']!r}.", "value")
        if "enum" in schema and value not in schema["enum"]:
            return Violation(pointer, f"This must be one of {', '.join(schema['enum'])}.", "value")
        if isinstance(value, dict):
            return self._check_object(schema, value, pointer)
        if isinstance(value, list):
            return self._check_array(schema, value, pointer)
        if isinstance(value, str):
            return _check_text(schema, value, pointer)
        if _is_number(value):
            return _check_number(schema, value, pointer)
        return None

    def _check_object(self, schema: Schema, value: dict[str, Any], pointer: str) -> Violation | None:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        # Unknown fields are checked before missing ones, so that a misspelt field is reported as unknown and not as
        # missing.
        for name in value:
            if name not in properties and others is False:
                return Violation(f"{pointer}/{escape(name)}", _unknown_field(name, list(properties)), "unknown")
        for name in schema.get("required", ()):
            if name not in value:
                return Violation(f"{pointer}/{escape(name)}", f'The field "{name}" is missing.', "missing")
        for name, member in value.items():
            inner = properties.get(name, others)
            if isinstance(inner, Mapping):
                found = self.check(inner, member, f"{pointer}/{escape(name)}")
                if found is not None:
                    return found
        return None

    def _check_array(self, schema: Schema, value: list[Any], pointer: str) -> Violation | None:
        if len(value) < schema.get("minItems", 0):
            return Violation(pointer, "This list must not be empty.", "value")
        if len(value) > schema.get("maxItems", len(value)):
            return Violation(
                pointer, f"This list has {len(value)} items; at most {schema['maxItems']} are allowed.", "value"
            )
        for index, item in enumerate(value):
            found = self.check(schema.get("items", {}), item, f"{pointer}/{index}")
            if found is not None:
                return found
        return None

    def _check_one_of(self, schema: Schema, value: Any, pointer: str) -> Violation | None:
        """Checks that a branch matches; otherwise reports the violation of the branch that seems intended."""
        branches = [self._contract.resolve(branch) for branch in schema["oneOf"]]
        found = [(self.check(branch, value, pointer), branch) for branch in branches]
        if any(violation is None for violation, _ in found):
            return None
        return max(found, key=lambda each: _likeness(each[1], value))[0]


def _likeness(branch: Schema, value: Any) -> int:
    if not isinstance(value, dict):
        return 0
    likeness = 0
    for name, inner in branch.get("properties", {}).items():
        if name in value:
            likeness += 10 if "const" in inner and inner["const"] == value[name] else 1
    return likeness


def _unknown_field(name: str, known: list[str]) -> str:
    seen = name if len(name) <= 64 else name[:64] + "…"
    alike = difflib.get_close_matches(seen, known, n=1)
    hint = (
        f'did you mean "{alike[0]}"?'
        if alike
        else f"known fields: {', '.join(known)}."
        if known
        else "no fields are allowed here."
    )
    return f'Unknown field "{seen}"; {hint}'


def _check_text(schema: Schema, value: str, pointer: str) -> Violation | None:
    if len(value) < schema.get("minLength", 0):
        return Violation(pointer, "This string must not be empty.", "value")
    if len(value) > schema.get("maxLength", len(value)):
        return Violation(
            pointer, f"This string has {len(value)} characters; at most {schema['maxLength']} are allowed.", "value"
        )
    if "pattern" in schema and _pattern(schema["pattern"]).search(value) is None:
        return Violation(pointer, f"This string does not match {schema['pattern']}", "value")
    return None


def _check_number(schema: Schema, value: int | float, pointer: str) -> Violation | None:
    if value < schema.get("minimum", value) or value > schema.get("maximum", value):
        return Violation(pointer, f"This must be from {schema.get('minimum')} to {schema.get('maximum')}.", "value")
    return None
