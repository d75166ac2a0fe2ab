"""Missing hints for misspelt names, and hints for correct names (SUB-7)."""

from __future__ import annotations

from typing import Any, Mapping

from ..commands import Commands
from ..connection import Connection
from ..envelope import Command
from ..errors import ProtocolError
from ..name_hints import Hints
from ..principals import Principal
from ..publishing import Publisher
from ..streams import Replay
from ..subscriptions import Subscription
from .registry import mutant


@mutant("near-miss-silent", "a misspelt name gets no hint", clause="SUB-7")
class NearMissSilent(Hints):
    def suggestion(self, name: str) -> str | None:
        return None


@mutant("near-miss-silent-when-published", "a misspelt name gets no hint when it is published", clause="SUB-7")
class NearMissSilentWhenPublished(Publisher):
    def broadcast(self, principal: Principal, data: dict[str, Any], pointer: str) -> dict[str, Any]:
        result = super().broadcast(principal, data, pointer)
        return {name: value for name, value in result.items() if name != "hints"}


@mutant("near-miss-by-end-only", "a name gets a hint only if it is a prefix of a declared name, or a declared name is a prefix of it", clause="SUB-7")
class NearMissByEndOnly(Hints):
    def suggestion(self, name: str) -> str | None:
        meant = super().suggestion(name)
        return meant if meant is not None and (name.startswith(meant) or meant.startswith(name)) else None


@mutant("declared-hinted", "declared names get hints as well", clause="SUB-7")
class DeclaredHinted(Hints):
    def suggestion(self, name: str) -> str | None:
        return name if name in self._declared else super().suggestion(name)


@mutant("near-miss-refused", "a misspelt name is refused in a subscribe", clause="SUB-7")
class NearMissRefused(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        if any(self.node.hints.suggestion(name) for name in data["events"]):
            raise ProtocolError("invalid_message", "There is no such event.", pointer="/data/events")
        return super().make_subscription(connection, data)


@mutant("near-miss-corrected", "a misspelt name is replaced by the declared name when it is published", clause="SUB-7")
class NearMissCorrected(Commands):
    def broadcast(self, connection: Connection, command: Command) -> None:
        meant = self.node.hints.suggestion(command.data["event"])
        data = command.data if meant is None else {**command.data, "event": meant}
        super().broadcast(connection, Command(command.type, command.id, data))
