"""Servers that are wrong on purpose (mutants), and servers that are right in unusual ways (benign)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Variant:
    name: str
    what: str
    classes: tuple[type, ...]
    clause: str | None = None

    def wire(self) -> dict[str, Any]:
        said = {"name": self.name, "clause": self.clause, "what": self.what}
        return {key: value for key, value in said.items() if value is not None}


MUTANTS: dict[str, Variant] = {}
BENIGN: dict[str, Variant] = {}
