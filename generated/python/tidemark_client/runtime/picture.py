"""Which events make up a picture, under which key each is kept, and which remove a key: the contract's replay policies (RPL-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from .wire import JsonObject, as_object

#: Events of the policy ``latest`` are kept by name, so that all of them share one key space.
_BY_NAME = "event names"


@dataclass(frozen=True)
class KeyedEvent:
    """The replay policy of an event, as the generated ``EVENT_KEYS`` has it."""

    policy: str
    #: RFC 6901 pointer into the event.
    key: Union[str, None] = None
    key_space: Union[str, None] = None
    clears: bool = False


class PictureRules:
    """Raises ValueError if no declared event fits the pattern, one that fits is not kept by key, or two use different key spaces."""

    def __init__(self, declared: Mapping[str, KeyedEvent], pattern: str) -> None:
        names = [name for name in declared if _covers(pattern, name)]
        if not names:
            raise ValueError(f'No declared event fits "{pattern}". Declared: {", ".join(declared)}.')
        unkept = next((name for name in names if _space(declared, name) is None), None)
        if unkept is not None:
            raise ValueError(f'"{unkept}" cannot be mirrored: its replay policy keeps no newest event for a key.')
        spaces = list(dict.fromkeys(str(_space(declared, name)) for name in names))
        if len(spaces) > 1:
            raise ValueError(f'"{pattern}" covers several key spaces ({", ".join(spaces)}): use one mirror for each.')
        self._declared = declared
        self._clearing = [name for name, event in declared.items() if event.clears and _space(declared, name) == spaces[0]]
        #: What to subscribe to: the events of the pattern, and those that remove keys of the same key space.
        self.events: Sequence[str] = list(dict.fromkeys([*names, *self._clearing]))

    def key_of(self, event: JsonObject) -> Union[str, None]:
        """The key of an event; None if it has none, and is then no part of the picture."""
        name = str(event.get("event"))
        declared = self._declared.get(name)
        if declared is None:
            return None
        value = name if declared.key is None else _value_at(event, declared.key)
        return value if isinstance(value, str) else None

    def clears(self, event: JsonObject) -> bool:
        """Whether an event removes its key."""
        return event.get("event") in self._clearing


def _covers(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _space(declared: Mapping[str, KeyedEvent], name: str) -> Union[str, None]:
    event = declared[name]
    if event.policy == "latest":
        return _BY_NAME
    return (event.key_space or name) if event.policy == "latest-per-key" else None


def _value_at(event: JsonObject, pointer: str) -> object:
    value: object = event
    for part in pointer.split("/")[1:]:
        member = part.replace("~1", "/").replace("~0", "~")
        members = as_object(value)
        if members is None or member not in members:
            return None
        value = members[member]
    return value
