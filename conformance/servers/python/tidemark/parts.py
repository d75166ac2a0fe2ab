"""The classes that make up a server. A mutant or a benign variant is a subclass of one of them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .commands import Commands
from .connection import Connection
from .event_stream import EventStreams, EventStreamWire, ManyStreamsWire
from .filters import Filter
from .name_hints import Hints
from .publishing import Publisher
from .routes import Routes
from .streams import Stream
from .subscriptions import Subscription
from .wire import Wire


@dataclass(frozen=True)
class Parts:
    commands: type[Commands] = Commands
    connection: type[Connection] = Connection
    event_streams: type[EventStreams] = EventStreams
    event_stream_wire: type[EventStreamWire] = EventStreamWire
    many_streams_wire: type[ManyStreamsWire] = ManyStreamsWire
    filter: type[Filter] = Filter
    hints: type[Hints] = Hints
    publisher: type[Publisher] = Publisher
    routes: type[Routes] = Routes
    stream: type[Stream] = Stream
    subscription: type[Subscription] = Subscription
    wire: type[Wire] = Wire


def compose(variants: list[type]) -> Parts:
    """Makes the parts of a server with these variants. If a part has several variants, its class inherits from all of them,
    and each variant calls the next with `super()`. A part without a variant is the unchanged class."""
    plain = Parts()
    chosen: dict[str, type] = {}
    for each in fields(Parts):
        base: type = getattr(plain, each.name)
        bases = [variant for variant in variants if _base_of(variant) is base]
        chosen[each.name] = type(base.__name__, tuple(bases), {}) if bases else base
    return Parts(**chosen)


def _base_of(variant: type) -> type | None:
    """The class of the part that a variant changes, or None. A part may extend another part, so a variant can be a
    subclass of several: the most derived one counts."""
    bases: list[type] = [getattr(Parts(), each.name) for each in fields(Parts)]
    fitting = [base for base in bases if issubclass(variant, base)]
    if not fitting:
        return None
    return max(fitting, key=lambda base: len(base.__mro__))
