"""Names, codes and policies of the protocol.

Generated from asyncapi.yaml by `npm run generate`. Do not edit: change the contract and generate again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .runtime.picture import KeyedEvent
from .runtime.wire import ProtocolSpec

#: The version of the contract.
PROTOCOL_VERSION: Final = "1.0.0"
#: SHA-256 of the bytes of `contract.json`, as `welcome.contractDigest` reports it (CON-2).
CONTRACT_DIGEST: Final = "sha256:54e657d23d42b942b4c710050af7cf5ac0a0f3f3b16cb39e26d62f831f94b493"
#: The path on which the gateway accepts WebSocket connections.
WEBSOCKET_PATH: Final = "/ws"
#: The declared events. Any other name is a custom event (EVT-4).
EVENTS: Final = ("file_change", "entity_created", "entity_updated", "entity_deleted", "relationship_created", "relationship_updated", "relationship_deleted", "graph_update", "sync_status", "session_event",)
#: The codes of errors (ERR-1).
ERROR_CODES: Final = ("invalid_json", "invalid_message", "unknown_type", "unauthenticated", "forbidden", "subscription_exists", "subscription_not_found", "filter_invalid", "filter_not_applicable", "stream_invalid", "payload_invalid", "payload_too_large", "limit_exceeded", "not_watched", "rate_limited", "broker_unavailable", "internal",)
#: The reasons of gaps (GAP-1).
GAP_REASONS: Final = ("epoch_changed", "window_exceeded", "unknown_position", "slow_consumer", "source_overflow", "broker_lost",)
#: Replay policy of each declared event, `*` for custom ones (RPL-3).
REPLAY_POLICIES: Final[Mapping[str, str]] = {
    "file_change": "none",
    "entity_created": "latest-per-key",
    "entity_updated": "latest-per-key",
    "entity_deleted": "latest-per-key",
    "relationship_created": "latest-per-key",
    "relationship_updated": "latest-per-key",
    "relationship_deleted": "latest-per-key",
    "graph_update": "latest",
    "sync_status": "latest",
    "session_event": "log",
    "*": "latest",
}

#: The replay policy of each declared event, with the pointer to its key (RPL-3).
EVENT_KEYS: Final[Mapping[str, KeyedEvent]] = {
    "file_change": KeyedEvent("none"),
    "entity_created": KeyedEvent("latest-per-key", key="/payload/id", key_space="entity"),
    "entity_updated": KeyedEvent("latest-per-key", key="/payload/id", key_space="entity"),
    "entity_deleted": KeyedEvent("latest-per-key", key="/payload/id", key_space="entity", clears=True),
    "relationship_created": KeyedEvent("latest-per-key", key="/payload/id", key_space="relationship"),
    "relationship_updated": KeyedEvent("latest-per-key", key="/payload/id", key_space="relationship"),
    "relationship_deleted": KeyedEvent("latest-per-key", key="/payload/id", key_space="relationship", clears=True),
    "graph_update": KeyedEvent("latest"),
    "sync_status": KeyedEvent("latest"),
    "session_event": KeyedEvent("log"),
}

SPEC: Final = ProtocolSpec(
    subprotocol="tidemark.v1",
    credential_parameters=frozenset({"access_token", "token", "api_key", "apikey", "api-key", "key", "jwt", "auth", "authorization", "bearer", "x-api-key"}),
    replies={
        "subscribe": "subscribed",
        "unsubscribe": "unsubscribed",
        "list_subscriptions": "subscriptions",
        "broadcast": "broadcasted",
        "authenticate": "authenticated",
        "sync": "synced",
        "ping": "pong",
    },
    close_codes={
        4000: ("protocol_error", "do-not-retry"),
        4003: ("forbidden", "do-not-retry"),
        4006: ("unsupported_version", "do-not-retry"),
        4008: ("auth_timeout", "do-not-retry"),
        4009: ("removed", "do-not-retry"),
        4100: ("token_expired", "refresh"),
        4101: ("token_revoked", "refresh"),
        4200: ("shutdown", "retry-resume"),
        4201: ("slow_consumer", "retry-resume"),
        4202: ("overloaded", "retry-resume"),
        4203: ("heartbeat_timeout", "retry-resume"),
        4204: ("rate_limited", "retry-resume"),
        4205: ("disconnected", "retry-resume"),
        4300: ("state_invalidated", "retry-fresh"),
    },
    contract_digest=CONTRACT_DIGEST,
    events=EVENTS,
)
