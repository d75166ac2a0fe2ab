"""Parses JSON by the rules of the contract (ERR-3): the depth is checked before parsing, and text that two parsers
could read differently is rejected."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Iterator

LARGEST_INTEGER = 2**53 - 1

# Matches a string to its end or, if unterminated, to the end of the text, so that each character is read once.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """Text that is not JSON, or is ambiguous. The message is for users."""


def parse(text: str, *, depth: int) -> Any:
    """:raises JsonError: if the text is not JSON, is nested too deep or is ambiguous"""
    check_depth(text, depth)
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer, parse_float=float
        )
    except JsonError:
        raise
    except (ValueError, RecursionError) as cause:
        raise JsonError("Invalid JSON; expected one JSON object.") from cause
    if _SURROGATE_ESCAPE.search(text):
        _check_surrogates(value)
    return value


def check_depth(text: str, limit: int) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(text):
        symbol = match.group()
        if symbol in ("[", "{"):
            depth += 1
            if depth > limit:
                raise JsonError(f"The JSON is nested more than {limit} levels deep.")
        elif symbol in ("]", "}"):
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JsonError("A key is repeated in one object.")
    if "__proto__" in value:
        raise JsonError("The key __proto__ is not allowed.")
    return value


def _refuse_constant(name: str) -> Any:
    raise JsonError(f"{name} is not JSON.")


def _integer(digits: str) -> int | float:
    # Converting thousands of digits is slow, so a number with many digits becomes infinite. `find_huge_number` then
    # rejects it.
    return int(digits) if len(digits) <= 20 else math.inf


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as cause:
        raise JsonError("A string contains an unpaired surrogate.") from cause


def find_huge_number(value: Any) -> str | None:
    """The pointer to the first number above 2^53−1, which other parsers would round."""
    for pointer, leaf in _numbers(value, ""):
        # Fractions need no other check, because every double above 2^53 is an integer.
        if abs(leaf) > LARGEST_INTEGER:
            return pointer
    return None


def _numbers(value: Any, pointer: str) -> Iterator[tuple[str, int | float]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _numbers(member, f"{pointer}/{escape(key)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _numbers(item, f"{pointer}/{index}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield pointer, value


def escape(key: str) -> str:
    """Escapes a key as one step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def values_at(value: Any, pointer: str) -> list[str]:
    """The strings at a pointer. A list on the way stands for all its items. Empty if there are no strings."""
    found = [value]
    for step in pointer.split("/")[1:]:
        found = [item[step] for item in _spread(found) if isinstance(item, dict) and step in item]
    return [item for item in _spread(found) if isinstance(item, str)]


def _spread(values: list[Any]) -> list[Any]:
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
