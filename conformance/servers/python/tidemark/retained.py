"""The events that warm replays need after they have left history (RPL-3)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Iterator

from .contract import Contract
from .strict_json import values_at

if TYPE_CHECKING:
    from .streams import Event


class Retained:
    """The newest event of each key and the newest event of each name, for warm replays. They are kept even after they
    have left history (RPL-3)."""

    def __init__(self, contract: Contract, most_keys: int) -> None:
        self._contract = contract
        self._most_keys = most_keys
        self._keys: OrderedDict[tuple[str, str], dict[str, Event]] = OrderedDict()
        self._latest: dict[str, Event] = {}
        self.evicted: set[str] = set()
        """Names of events that have been dropped because there were too many keys, or because the stream expired."""

    def add(self, event: Event) -> None:
        policy = self._contract.event(event.name).replay
        if policy.policy == "latest":
            self._latest[event.name] = event
            # The newest event replaces all that were lost, so the picture is complete again.
            self.evicted.discard(event.name)
        elif policy.policy == "latest-per-key":
            self._add_key(event, replay_key(self._contract, event), policy.clears)

    def _add_key(self, event: Event, key: tuple[str, str], clears: bool) -> None:
        if clears:
            self._keys.pop(key, None)
            return
        self._keys.setdefault(key, {})[event.name] = event
        self._keys.move_to_end(key)
        if len(self._keys) > self._most_keys:
            _, lost = self._keys.popitem(last=False)
            self.evicted.update(lost)

    def clear(self) -> None:
        self.evicted.update(event.name for event in self)
        self._keys.clear()
        self._latest.clear()

    def __iter__(self) -> Iterator[Event]:
        yield from self._latest.values()
        for events in self._keys.values():
            yield from events.values()


def replay_key(contract: Contract, event: Event) -> tuple[str, str]:
    policy = contract.event(event.name).replay
    return policy.key_space or "", "".join(values_at({"payload": event.payload}, policy.key or ""))
