"""The classes of which a server consists. A mutant or a benign variant is a subclass of one of them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .commands import Commands
from .connection import Connection
from .filters import Filter
from .near import Hints
from .publishing import Publisher
from .routes import Routes
from .streams import Stream
from .subscriptions import Subscription
from .wire import Wire


@dataclass(frozen=True)
class Parts:
    commands: type[Commands] = Commands
    connection: type[Connection] = Connection
    filter: type[Filter] = Filter
    hints: type[Hints] = Hints
    publisher: type[Publisher] = Publisher
    routes: type[Routes] = Routes
    stream: type[Stream] = Stream
    subscription: type[Subscription] = Subscription
    wire: type[Wire] = Wire


def compose(variants: list[type]) -> Parts:
    """Combines the variants of each part with its plain class; variants of one part call each other by `super()`."""
    plain = Parts()
    chosen: dict[str, type] = {}
    for each in fields(Parts):
        base: type = getattr(plain, each.name)
        bases = [variant for variant in variants if issubclass(variant, base)]
        chosen[each.name] = type(base.__name__, tuple(bases), {}) if bases else base
    return Parts(**chosen)
