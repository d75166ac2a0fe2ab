"""Event patterns and filters (SUB-4, SUB-5).

No pattern is slow: matching takes at most (length of the pattern) × (length of the path) steps, because `match_run`
backtracks only to the latest star.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Protocol, Sequence, TypeVar

from .contract import Contract, EventSpec, Limits
from .errors import ProtocolError
from .strict_json import values_at

P = TypeVar("P")
S = TypeVar("S")


def covers_event(pattern: str, name: str) -> bool:
    """Whether a pattern covers a name. A pattern is a name, or a prefix followed by `*`."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def match_run(
    pattern: Sequence[P], subject: Sequence[S], is_run: Callable[[P], bool], same: Callable[[P, S], bool]
) -> bool:
    """Whether the pattern matches the whole subject. A run (a part for which `is_run` is true) matches any number of
    items, including none."""
    p = s = 0
    run = taken = -1
    while s < len(subject):
        if p < len(pattern) and is_run(pattern[p]):
            run, taken = p, s
            p += 1
        elif p < len(pattern) and same(pattern[p], subject[s]):
            p += 1
            s += 1
        elif run >= 0:
            taken += 1
            p, s = run + 1, taken
        else:
            return False
    return all(is_run(rest) for rest in pattern[p:])


def match_segment(pattern: str, segment: str) -> bool:
    """Matches `*` and `?` within one segment of a path; all other characters are literal."""
    return match_run(pattern, segment, lambda part: part == "*", lambda part, item: part in ("?", item))


def is_glob(path: str) -> bool:
    return "*" in path or "?" in path


class Pattern(Protocol):
    """One value of a filter field, prepared for matching."""

    def matches(self, value: str) -> bool: ...


class PathPattern:
    """A plain path matches itself and everything below it; a glob matches whole paths."""

    def __init__(self, wanted: str) -> None:
        self._segments = wanted.split("/")
        self._glob = is_glob(wanted)

    def matches(self, value: str) -> bool:
        segments = unicodedata.normalize("NFC", value).split("/")
        if not self._glob:
            return segments[: len(self._segments)] == self._segments
        return match_run(self._segments, segments, lambda part: part == "**", match_segment)


class ExtensionPattern:
    """The end of a file name, from a dot on: `.ts` matches `a.d.ts`, not `a.mts`."""

    def __init__(self, wanted: str) -> None:
        self._ending = wanted

    def matches(self, value: str) -> bool:
        name = unicodedata.normalize("NFC", value).rpartition("/")[2]
        return name.lower().endswith(self._ending)


class ExactPattern:
    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def matches(self, value: str) -> bool:
        return value == self._wanted


PATTERNS: Mapping[str, Callable[[str], Pattern]] = {
    "path": PathPattern,
    "extension": ExtensionPattern,
    "exact": ExactPattern,
}


def normalise_path(value: str) -> str:
    """:raises ValueError: with a message for users"""
    if value.startswith("/"):
        raise ValueError("Paths are relative to the watched root; remove the leading slash.")
    if "\\" in value or "\x00" in value:
        raise ValueError("Paths must use / as separator, and must not contain a backslash or a NUL character.")
    path = unicodedata.normalize("NFC", value).removesuffix("/")
    while path.startswith("./"):
        path = path[2:]
    if path in ("", "."):
        raise ValueError("This path is the root, which contains every path. To receive events for all paths, leave this field out of the filter.")
    segments = path.split("/")
    if ".." in segments:
        raise ValueError("A path must not leave the watched root with `..`.")
    if "" in segments or "." in segments:
        raise ValueError("A segment of the path is empty or `.`, which matches no path.")
    return path


def normalise_extension(value: str) -> str:
    """:raises ValueError: with a message for users"""
    bare = unicodedata.normalize("NFC", value).lower().removeprefix(".")
    if not bare or set(bare) & set("/\\*?\x00"):
        raise ValueError("An extension must be the end of a file name, for example `.ts`.")
    return "." + bare


NORMALISERS: Mapping[str, Callable[[str], str]] = {
    "path": normalise_path,
    "extension": normalise_extension,
    "exact": lambda value: value,
}


@dataclass(frozen=True)
class Mismatch:
    """The first condition that fails: `stream`, `events` or the name of a filter field (OPS-3)."""

    clause: str
    wanted: list[str]
    seen: list[str]


class Filter:
    """The event patterns and the filter of one subscription."""

    def __init__(self, contract: Contract, events: Sequence[str], fields: Mapping[str, Sequence[str]]) -> None:
        self._contract = contract
        self.events = list(events)
        self.fields = self.normalise(fields)
        self._patterns = {
            field: [self.make_pattern(contract.filter_kinds[field], value) for value in values]
            for field, values in self.fields.items()
        }

    def make_pattern(self, kind: str, value: str) -> Pattern:
        return PATTERNS[kind](value)

    @classmethod
    def read(cls, contract: Contract, limits: Limits, data: Mapping[str, Any]) -> Filter:
        """Reads `events` and `filter` of a subscribe command that is valid by its schema.

        :raises ProtocolError: limit_exceeded, filter_invalid, filter_not_applicable
        """
        events = data["events"]
        if len(events) > limits["eventsPerSubscription"]:
            raise _limit_exceeded(limits, "eventsPerSubscription", len(events), "/data/events")
        fields = data.get("filter", {})
        for field, values in fields.items():
            pointer = f"/data/filter/{field}"
            if len(values) > limits["patternsPerFilterField"]:
                raise _limit_exceeded(limits, "patternsPerFilterField", len(values), pointer)
            for index, value in enumerate(values):
                if len(value) > limits["patternLength"]:
                    raise _limit_exceeded(limits, "patternLength", len(value), f"{pointer}/{index}")
            if not any(field in spec.filterable for spec in _specs_of(contract, events)):
                raise cls.not_applicable(field, events, _specs_of(contract, events))
        wanted = cls(contract, events, fields)
        for field, values in fields.items():
            wanted.check_enumerated(field, values)
        return wanted

    @classmethod
    def not_applicable(cls, field: str, events: Sequence[str], specs: Sequence[EventSpec]) -> ProtocolError:
        known = list(dict.fromkeys(name for spec in specs for name in spec.filterable))
        return ProtocolError(
            "filter_not_applicable",
            f"None of the events {', '.join(events)} has the filter field {field}; the fields are {', '.join(known)}.",
            pointer=f"/data/filter/{field}",
            details={"fields": known},
        )

    def check_enumerated(self, field: str, values: Sequence[str]) -> None:
        """:raises ProtocolError: filter_invalid, for a value that none of the events can have"""
        lists = [spec.enumerated.get(field) for spec in _specs_of(self._contract, self.events) if field in spec.filterable]
        allowed = [value for each in lists if each is not None for value in each]
        if None in lists:
            return
        for index, value in enumerate(values):
            if value not in allowed:
                raise ProtocolError(
                    "filter_invalid",
                    f"{field} must be one of {', '.join(allowed)}.",
                    pointer=f"/data/filter/{field}/{index}",
                    details={"allowed": allowed},
                )

    def normalise(self, fields: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """:raises ProtocolError: filter_invalid"""
        return {field: self._normalise_field(field, values) for field, values in fields.items()}

    def _normalise_field(self, field: str, values: Sequence[str]) -> list[str]:
        normalise = NORMALISERS[self._contract.filter_kinds[field]]
        normal: dict[str, None] = {}
        for index, value in enumerate(values):
            try:
                normal[normalise(value)] = None
            except ValueError as error:
                raise ProtocolError("filter_invalid", str(error), pointer=f"/data/filter/{field}/{index}") from error
        return list(normal)

    def follows(self, name: str) -> bool:
        return any(covers_event(pattern, name) for pattern in self.events)

    def mismatch(self, name: str, payload: Mapping[str, Any], source: Mapping[str, Any]) -> Mismatch | None:
        """The first condition that the event does not meet, or None if it matches."""
        if not self.follows(name):
            return Mismatch("events", self.events, [name])
        spec = self._contract.event(name)
        event = {"payload": payload, "source": source}
        for field in self.fields:
            found = self.check_field(field, spec, event)
            if found is not None:
                return found
        return None

    def check_field(self, field: str, spec: EventSpec, event: Mapping[str, Any]) -> Mismatch | None:
        """Applies one filter field. An event that does not declare the field matches. An event that declares the field but
        has no value in it does not match."""
        pointers = spec.filterable.get(field)
        if pointers is None:
            return None
        seen = [value for pointer in pointers for value in values_at(event, pointer)]
        if any(pattern.matches(value) for pattern in self._patterns[field] for value in seen):
            return None
        return Mismatch(field, self.fields[field], seen)


def _specs_of(contract: Contract, events: Sequence[str]) -> list[EventSpec]:
    """The declared events that the patterns cover, and `*` if they also cover custom events."""
    declared = [
        spec for name, spec in contract.events.items() if any(covers_event(pattern, name) for pattern in events)
    ]
    others = any(pattern.endswith("*") or pattern not in contract.events for pattern in events)
    return declared + ([contract.event("")] if others else [])


def _limit_exceeded(limits: Limits, name: str, seen: int, pointer: str) -> ProtocolError:
    return ProtocolError(
        "limit_exceeded",
        f"{seen} exceeds the limit {name}, which is {limits[name]}.",
        pointer=pointer,
        details={"limit": name, "maximum": limits[name]},
    )
