"""Finds names that differ only slightly from the names of declared events (SUB-7)."""

from __future__ import annotations

from typing import Any, Iterable

from .contract import CUSTOM, Contract

SHORTEST = 4


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs from this name in at most two neighbouring characters, or None."""
    if len(name) < SHORTEST or "*" in name:
        return None
    return next((each for each in known if each != name and is_near(name, each)), None)


def is_near(one: str, other: str) -> bool:
    """Whether the names become equal when at most two characters are removed from each, at the same place."""
    return any(
        one[:at] == other[:at] and _ends_alike(one[at:], other[at:])
        for at in range(min(len(one), len(other)) + 1)
    )


def _ends_alike(one: str, other: str) -> bool:
    return any(one[a:] == other[b:] for a in range(3) for b in range(3) if a <= len(one) and b <= len(other))


class Hints:
    """Makes the hints in a reply about names that seem to be misspelt."""

    def __init__(self, contract: Contract) -> None:
        self._declared = [name for name in contract.events if name != CUSTOM]

    def member(self, names: list[tuple[str, str]]) -> dict[str, Any]:
        """The member `hints` of a reply, for names with their pointers. Empty if no name seems to be misspelt."""
        hints = [
            {"pointer": pointer, "message": f"{name} is not declared, so it is a custom event; did you mean {meant}?", "suggestion": meant}
            for name, pointer in names
            if (meant := self.suggestion(name)) is not None
        ]
        return {"hints": hints} if hints else {}

    def suggestion(self, name: str) -> str | None:
        return None if name in self._declared else nearest(name, self._declared)
