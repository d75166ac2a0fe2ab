"""Typed asyncio client of the Tidemark protocol.

Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.
"""

from .client import Client, EventName, is_event, is_gap
from .runtime.contract_match import ContractMatch
from .runtime.diagnosis import Diagnosis, SubscriptionDiagnosis
from .runtime.errors import ConnectionLost, ProtocolViolation, SubscriptionEnded, TidemarkError, WaitFailed
from .runtime.mirror import Mirror, MirrorChange
from .runtime.settled import settled
from .runtime.streams import StreamsSubscription, StreamsSummary
from .runtime.subscription import ReplaySummary, Subscription
from .runtime.subscription_port import Gap
from .runtime.wait import StreamsWaited, Waited
from .runtime.wire import Position

__version__ = "1.0.0"

__all__ = [
    "Client",
    "ConnectionLost",
    "ContractMatch",
    "Diagnosis",
    "EventName",
    "Gap",
    "Mirror",
    "MirrorChange",
    "Position",
    "ProtocolViolation",
    "ReplaySummary",
    "StreamsSubscription",
    "StreamsSummary",
    "StreamsWaited",
    "Subscription",
    "SubscriptionDiagnosis",
    "SubscriptionEnded",
    "TidemarkError",
    "WaitFailed",
    "Waited",
    "is_event",
    "is_gap",
    "settled",
]
