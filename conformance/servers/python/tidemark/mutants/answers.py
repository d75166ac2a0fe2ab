"""Faults in the replies to subscribe, unsubscribe and list_subscriptions (SUB)."""

from __future__ import annotations

import asyncio
from typing import Any, Mapping

from ..commands import Commands
from ..connection import Connection
from ..envelope import Command, Message
from ..errors import ProtocolError
from ..outbox import Outgoing
from ..streams import Position, Replay
from ..subscriptions import Subscription
from .registry import mutant


@mutant("position-behind", "subscribed reports the position before the one where live delivery begins", clause="SUB-1")
class PositionBehind(Subscription):
    def wire(self) -> dict[str, Any]:
        place = self.position.wire()
        return {**super().wire(), "position": {**place, "sequenceId": max(0, place["sequenceId"] - 1)}}


@mutant("events-widened", "subscribed reports that all events were requested", clause="SUB-1")
class EventsWidened(Subscription):
    def wire(self) -> dict[str, Any]:
        return {**super().wire(), "events": ["*"]}


@mutant("all-but-one", "unsubscribe all ends all subscriptions except the newest, but reports that one as ended too", clause="SUB-3")
class AllButOne(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        own = self.node.subscriptions.of(connection)
        super().unsubscribe(connection, command)
        if "all" in command.data and len(own) > 1:
            own[-1].ended = False
            self.node.subscriptions.add(own[-1])


@mutant("delivered-uncounted", "the reply subscriptions does not count delivered events", clause="SUB-6")
class DeliveredUncounted(Subscription):
    def listed(self, head: Position | None) -> dict[str, Any]:
        return {**super().listed(head), "delivered": 0}


@mutant("unsubscribed-a-little-late", "events still arrive shortly after unsubscribed", clause="SUB-2")
class UnsubscribedALittleLate(Commands):
    def unsubscribe(self, connection: Connection, command: Command) -> None:
        own = self.node.subscriptions.of(connection)
        super().unsubscribe(connection, command)
        for subscription in own:
            if subscription.ended:
                subscription.ended = False
                self.node.subscriptions.add(subscription)
                asyncio.get_running_loop().call_later(0.05, self._end, subscription)

    def _end(self, subscription: Subscription) -> None:
        if not subscription.ended and self.node.subscriptions.has(subscription.connection, subscription.id):
            self.node.subscriptions.remove(subscription)


def _asked(subscription: Subscription) -> tuple[str, list[str], dict[str, list[str]]]:
    return subscription.stream, subscription.wanted.events, subscription.wanted.fields


@mutant("same-filter-rejected", "a second subscription with the same events and filter is rejected", clause="SUB-3")
class SameFilterRejected(Commands):
    def make_subscription(self, connection: Connection, data: Mapping[str, Any]) -> tuple[Subscription, Replay | None]:
        made = super().make_subscription(connection, data)
        for each in self.node.subscriptions.of(connection):
            if _asked(each) == _asked(made[0]):
                raise ProtocolError("subscription_exists", "Another subscription has the same events and filter.")
        return made


@mutant("empty-replies-to-all", "the reply to an unsubscribe names no subscription", clause="SUB-3")
class EmptyRepliesToAll(Connection):
    def messages(self, outgoing: Outgoing) -> list[Message]:
        found = super().messages(outgoing)
        return [
            {**each, "data": {"subscriptionIds": []}} if each["type"] == "unsubscribed" else each for each in found
        ]
