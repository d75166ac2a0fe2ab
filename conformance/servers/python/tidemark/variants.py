"""Named variants of a server: subclasses of its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, TypeVar

Part = TypeVar("Part", bound=type)


@dataclass(frozen=True)
class Variant:
    """A mutant, which breaks one clause of the contract, or a benign variant, which breaks none."""

    name: str
    what: str
    part: type
    clause: str | None

    def wire(self) -> dict[str, Any]:
        listed = {"name": self.name, "clause": self.clause, "what": self.what}
        return {key: value for key, value in listed.items() if value is not None}


class Registry:
    def __init__(self) -> None:
        self._variants: dict[str, Variant] = {}

    def __call__(self, name: str, what: str, *, clause: str | None = None) -> Callable[[Part], Part]:
        def register(part: Part) -> Part:
            self._variants[name] = Variant(name, what, part, clause)
            return part

        return register

    @property
    def variants(self) -> Mapping[str, Variant]:
        return self._variants
