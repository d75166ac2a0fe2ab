"""The client continues if a function of the application raises an exception."""

import asyncio
import unittest
from typing import Any, cast

from runtime.client_core import ClientCore
from runtime.feed import FeedSettings
from runtime.subscription import Request, Subscription
from runtime.subscription_port import Gap, SubscriptionPort
from runtime.wire import Position, ProtocolSpec

SPEC = ProtocolSpec("tidemark.v1", frozenset(), {}, {}, contract_digest="sha256:own", events=())


class FedPort:
    """Keeps what a subscription sends and reports."""

    def __init__(self) -> None:
        self.settle: Any = None
        self.reports: list[str] = []

    def send_command(self, command: str, data: Any, settle: Any) -> bool:
        self.settle = settle
        return True

    def backoff(self, attempt: int) -> float:
        return 0

    def report(self, name: str, detail: object) -> None:
        self.reports.append(name)

    def remove(self, id_: str) -> None: ...


def fail(detail: object) -> None:
    raise ValueError("a defect of the application")


class AListenerThatRaises(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.reported.append(str(context.get("exception"))))

    async def test_does_not_stop_other_listeners_of_the_client(self) -> None:
        client = ClientCore(SPEC, "ws://127.0.0.1:1/ws")
        reported: list[Any] = []
        client.on("reconnecting", fail)
        client.on("reconnecting", reported.append)
        client.on_reconnecting(2, 0.5)
        self.assertEqual((reported, self.reported), ([(2, 0.5)], ["a defect of the application"]))

    async def test_does_not_stop_the_client_from_receiving_the_gap_of_a_subscription(self) -> None:
        port = FedPort()
        reported: list[Gap] = []

        def fail_later(gap: Gap) -> None:
            reported.append(gap)
            fail(gap)

        settings = FeedSettings(("*",), None, limit=8, on_full="park", inline_gaps=False, on_gap=fail_later)
        subscription: Subscription[object] = Subscription(
            "s1", Request("main", "none"), settings, cast(SubscriptionPort, port)
        )
        subscription.connected()
        port.settle({"position": Position("e", 1).as_json(), "recovery": {"attempted": False}})
        ends = {"from": Position("e", 1).as_json(), "to": Position("e", 4).as_json()}
        subscription.gap({**ends, "reason": "window_exceeded"})
        self.assertEqual((len(reported), self.reported, port.reports), (1, ["a defect of the application"], ["gap"]))


if __name__ == "__main__":
    unittest.main()
