"""Applies the replay policies of the contract (RPL-3): which events a warm replay contains, the key of each event, and
which events remove a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from .wire import JsonObject, as_object

#: The key space of all events with the policy ``latest``. Their key is the name of the event.
_BY_NAME = "event names"


@dataclass(frozen=True)
class KeyedEvent:
    """The replay policy of an event, from the generated ``EVENT_KEYS``."""

    policy: str
    #: RFC 6901 pointer to the key in the event.
    key: Union[str, None] = None
    #: Events with the same key space share their keys: a newer event with the same key replaces or removes the older one.
    key_space: Union[str, None] = None
    clears: bool = False


class PictureRules:
    """The rules for one pattern. Raises ValueError if no declared event matches the pattern, if a matching event is not
    kept by key, or if two matching events use different key spaces."""

    def __init__(self, declared: Mapping[str, KeyedEvent], pattern: str) -> None:
        names = [name for name in declared if _covers(pattern, name)]
        if not names:
            raise ValueError(f'No declared event matches "{pattern}". Declared: {", ".join(declared)}.')
        unkept = next((name for name in names if _space(declared, name) is None), None)
        if unkept is not None:
            raise ValueError(f'"{unkept}" cannot be mirrored: its replay policy must be latest or latest-per-key.')
        spaces = list(dict.fromkeys(str(_space(declared, name)) for name in names))
        if len(spaces) > 1:
            raise ValueError(f'"{pattern}" covers several key spaces ({", ".join(spaces)}): use one mirror for each.')
        self._declared = declared
        self._clearing = [name for name, event in declared.items() if event.clears and _space(declared, name) == spaces[0]]
        #: The events to subscribe to: those that match the pattern, and those that remove keys of the same key space.
        self.events: Sequence[str] = list(dict.fromkeys([*names, *self._clearing]))

    def key_of(self, event: JsonObject) -> Union[str, None]:
        """The key of an event; None if it has no key, and so is not kept."""
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
