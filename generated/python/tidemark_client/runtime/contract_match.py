"""Compares the contracts of client and server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from .wire import JsonObject, ProtocolSpec, as_object

#: Stands for custom events among the names of ``welcome.features.replay``.
CUSTOM = "*"


@dataclass(frozen=True)
class ContractMatch:
    matches: bool
    #: SHA-256 of the contract that this client was generated from.
    own_digest: str
    #: SHA-256 of the server's contract; None if ``welcome`` does not contain it.
    server_digest: Union[str, None]
    #: Events that this client declares and the server does not declare. The client can still subscribe to them and publish
    #: them, as custom events. The server does not check their payloads, and refuses their filter fields.
    missing_events: Sequence[str]
    #: Events that the server declares and for which this client has no types. They arrive as custom events.
    unknown_events: Sequence[str]


def match_contract(spec: ProtocolSpec, welcome: JsonObject) -> ContractMatch:
    digest, features = welcome.get("contractDigest"), as_object(welcome.get("features"))
    server_digest = digest if isinstance(digest, str) else None
    replay = None if features is None else as_object(features.get("replay"))
    # If a server does not list its declared events, assume that it has all events of this client.
    named = [name for name in replay if name != CUSTOM] if replay is not None else spec.events
    return ContractMatch(
        matches=server_digest == spec.contract_digest,
        own_digest=spec.contract_digest,
        server_digest=server_digest,
        missing_events=tuple(name for name in spec.events if name not in named),
        unknown_events=tuple(name for name in named if name not in spec.events),
    )
