"""Information for operators: health, subscriptions, explanations (OPS)."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from typing import TYPE_CHECKING, Any, Iterable, Mapping

from .clock import timestamp
from .errors import ProtocolError
from .filters import Mismatch
from .principals import Principal
from .subscriptions import Subscription

if TYPE_CHECKING:
    from .connection import Connection
    from .node import Node

QUERY = frozenset({"stream", "event", "principal", "connection", "limit", "cursor"})
SUMMARY = ("status", "version", "protocolVersion", "contractDigest", "nodeId", "uptimeMs")
"""The members of the health report that every client may see (OPS-1)."""

MOST_ITEMS = 1000
USUAL_ITEMS = 100
MOST_UNSUBSCRIBED = 100


def health(node: Node) -> dict[str, Any]:
    connections = list(node.connections)
    counters = node.counters
    return {
        "status": "draining" if node.draining else "ok",
        "version": f"python-{node.contract.version}",
        "protocolVersion": node.contract.version,
        "contractDigest": node.contract.digest,
        "nodeId": node.options.node_id,
        "uptimeMs": node.uptime_ms,
        "connections": len(connections),
        "subscriptions": {
            "total": sum(1 for _ in node.subscriptions),
            "byEvent": _tally(pattern for each in node.subscriptions for pattern in set(each.wanted.events)),
        },
        "streams": [
            {
                "stream": stream.name,
                "position": stream.head.wire(),
                "historyEvents": len(stream.history),
                "historyBytes": stream.history_bytes,
            }
            for stream in list(node.streams)[:10_000]
        ],
        "broker": {"kind": "memory", "connected": True, "lagMs": 0},
        "backpressure": {
            "queuedBytes": sum(each.outbox.bytes + each.wire.queued_bytes for each in connections),
            "slow": sum(1 for each in connections if each.outbox.is_past(0.5)),
            "closedSlow": counters.closed_slow,
        },
        "replay": {
            "warm": counters.warm,
            "resume": counters.resume,
            "failed": counters.failed,
            "events": counters.events,
        },
    }


def nodes(node: Node) -> dict[str, Any]:
    """The figures of all nodes: this server is always the only node."""
    return {"nodes": [figures(node)], "partial": False, "missingNodes": []}


def figures(node: Node) -> dict[str, Any]:
    full = health(node)
    idle = [each for each in node.connections if not node.subscriptions.of(each)]
    idle.sort(key=lambda each: each.id, reverse=True)
    counters = node.counters
    return {
        **{name: full[name] for name in ("nodeId", "status", "version", "contractDigest", "uptimeMs", "connections")},
        "subscriptions": full["subscriptions"]["total"],
        "published": counters.published,
        "delivered": counters.delivered,
        "replayed": counters.events,
        "gaps": dict(counters.gaps),
        **full["backpressure"],
        "broker": full["broker"],
        "unsubscribedCount": len(idle),
        "unsubscribed": [unsubscribed(each) for each in idle[:MOST_UNSUBSCRIBED]],
    }


def unsubscribed(connection: Connection) -> dict[str, Any]:
    return {
        "connectionId": connection.id,
        "principal": connection.principal.id,
        "openedAt": timestamp(connection.opened_ms),
        "lastActivityAt": timestamp(connection.active_ms),
    }


def _tally(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names))


def report(node: Node, subscription: Subscription) -> dict[str, Any]:
    """One subscription as an operator sees it."""
    connection = subscription.connection
    replay: dict[str, Any] = {"mode": subscription.mode, "count": subscription.replayed}
    if subscription.replayed_ms is not None:
        replay["lastAt"] = timestamp(subscription.replayed_ms)
    followed: dict[str, Any] = (
        {"stream": subscription.stream} if subscription.streams is None else {"streams": subscription.streams}
    )
    data = {
        "subscriptionId": subscription.id,
        "connectionId": connection.id,
        "nodeId": node.options.node_id,
        "principal": connection.principal.id,
        **followed,
        "events": subscription.wanted.events,
        "filter": subscription.wanted.fields,
        "createdAt": timestamp(subscription.created_ms),
        "lastActivityAt": timestamp(subscription.active_ms),
        "delivered": subscription.delivered,
        "replay": replay,
        "lag": sum(_lag(node, subscription, stream.name) for stream in node.streams if subscription.follows(stream.name)),
        "queuedBytes": connection.outbox.bytes + connection.wire.queued_bytes,
        "oldestQueuedMs": connection.outbox.oldest_ms(),
        "gaps": subscription.gaps,
        "slow": connection.outbox.is_past(0.5),
    }
    if subscription.delivered_ms is not None:
        data["lastDeliveredAt"] = timestamp(subscription.delivered_ms)
    return data


def page(node: Node, query: Mapping[str, str]) -> dict[str, Any]:
    """:raises ProtocolError: invalid_message, for an unknown parameter"""
    for name in query:
        if name not in QUERY:
            raise ProtocolError("invalid_message", f"Unknown query parameter; expected {', '.join(sorted(QUERY))}.")
    limit = _read_limit(query.get("limit"))
    after = _read_cursor(query.get("cursor"))
    chosen = sorted((each for each in node.subscriptions if _is_chosen(each, query)), key=_place)
    rest = [each for each in chosen if _place(each) > after]
    data: dict[str, Any] = {
        "items": [report(node, each) for each in rest[:limit]],
        "total": len(chosen),
        "aggregates": _aggregates(chosen),
        "partial": False,
        "missingNodes": [],
    }
    if len(rest) > limit:
        data["nextCursor"] = _make_cursor(rest[limit - 1])
    return data


def _place(subscription: Subscription) -> tuple[str, str]:
    """The sort key of a subscription, which does not change when other subscriptions begin or end."""
    return subscription.connection.id, subscription.id


def _make_cursor(subscription: Subscription) -> str:
    return base64.urlsafe_b64encode("\n".join(_place(subscription)).encode()).decode()


def _read_cursor(text: str | None) -> tuple[str, str]:
    if text is None:
        return "", ""
    try:
        connection, subscription = base64.b64decode(text, altchars=b"-_", validate=True).decode().split("\n")
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise ProtocolError("invalid_message", "The cursor is invalid; use nextCursor of the previous page.", pointer="/cursor") from error
    return connection, subscription


def _lag(node: Node, subscription: Subscription, stream: str) -> int:
    head = node.streams.get(stream).head
    written = subscription.connection.written_position(stream)
    return head.sequence_id - written.sequence_id if head.epoch == written.epoch else head.sequence_id


def _read_limit(text: str | None) -> int:
    if text is None:
        return USUAL_ITEMS
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST_ITEMS):
        raise ProtocolError("invalid_message", f"limit must be a number from 1 to {MOST_ITEMS}.", pointer="/limit")
    return int(text)


def _is_chosen(subscription: Subscription, query: Mapping[str, str]) -> bool:
    return (
        ("stream" not in query or subscription.follows(query["stream"]))
        and ("event" not in query or query["event"] in subscription.wanted.events)
        and query.get("principal", subscription.connection.principal.id) == subscription.connection.principal.id
        and query.get("connection", subscription.connection.id) == subscription.connection.id
    )


def _aggregates(chosen: list[Subscription]) -> dict[str, Any]:
    def values(field: str) -> dict[str, int]:
        return _tally(value for each in chosen for value in each.wanted.fields.get(field, ()))

    return {
        "directories": values("paths"),
        "extensions": values("extensions"),
        "changeTypes": values("changeTypes"),
        "events": _tally(pattern for each in chosen for pattern in set(each.wanted.events)),
        "replayPressure": {
            "replaying": sum(1 for each in chosen if each.replaying_after is not None),
            "replayedEvents": sum(each.replayed for each in chosen),
        },
    }


# The maximum length of each list in an explanation: `maxItems` in the contract.
LISTED = 1000


def explain(node: Node, principal: Principal, data: Mapping[str, Any]) -> dict[str, Any]:
    """The subscriptions that an event would match. Nothing is published.

    :raises ProtocolError: payload_too_large, payload_invalid, stream_invalid
    """
    node.publisher.check_payload(data["event"], data["payload"], "/payload")
    stream = node.publisher.stream_of(data)
    node.publisher.check_stream({**data, "stream": stream}, "/stream")
    source = node.publisher.source(principal, dict(data))
    matches, mismatches = [], []
    for each in node.subscriptions:
        if data.get("connectionId", each.connection.id) != each.connection.id:
            continue
        found = _mismatch(each, stream, data, source)
        place = {"connectionId": each.connection.id, "subscriptionId": each.id}
        if found is None:
            matches.append(place)
        else:
            mismatches.append({**place, "clause": found.clause, "wanted": found.wanted, "seen": found.seen})
    mismatches.sort(key=lambda each: each["clause"] == "stream")
    return {
        "matches": matches[:LISTED],
        "matchCount": len(matches),
        "mismatches": mismatches[:LISTED],
        "mismatchCount": len(mismatches),
        "partial": False,
        "missingNodes": [],
    }


def _mismatch(
    subscription: Subscription, stream: str, data: Mapping[str, Any], source: Mapping[str, Any]
) -> Mismatch | None:
    if not subscription.follows(stream):
        return Mismatch("stream", subscription.selectors, [stream])
    return subscription.wanted.mismatch(data["event"], data["payload"], source)


def metrics(node: Node) -> str:
    """The metrics in the Prometheus text format, version 0.0.4."""
    figures = [
        ("connections", "gauge", "Open WebSocket connections.", len(node.connections)),
        ("subscriptions", "gauge", "Active subscriptions.", sum(1 for _ in node.subscriptions)),
        ("replayed_events_total", "counter", "Replayed events sent.", node.counters.events),
        ("closed_slow_total", "counter", "Connections closed because their clients read too slowly.", node.counters.closed_slow),
    ]
    lines = [
        f"# HELP tidemark_{name} {text}\n# TYPE tidemark_{name} {kind}\ntidemark_{name} {value}\n"
        for name, kind, text, value in figures
    ]
    return "".join(lines)
