"""The HTTP operations and their access checks (OPS, SEC)."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Callable, Mapping

from . import introspection
from .accept import prefers_json, wants_markdown
from .contract import REFERENCE, REFERENCE_TEXT
from .envelope import CommandReader, error_message
from .errors import ProtocolError
from .event_stream import EVENTS_PATH
from .http import Head, Response, host_name
from .principals import Principal
from .rate import TokenBucket

if TYPE_CHECKING:
    from .node import Node

Route = Callable[[Head, bytes], Response]

SOCKET_PATH = "/ws"

CONTRACT_PATH = "/asyncapi.yaml"
"""Pages of every origin may read the contract (`x-any-origin`)."""

LIMITED_PATHS = frozenset(
    {
        "/ws/health",
        "/ws/subscriptions",
        "/ws/nodes",
        EVENTS_PATH,
        "/ws/broadcast",
        "/ws/explain",
        "/ws/disconnect",
        "/ws/files",
        "/metrics",
    }
)
"""The paths with a rate limit. Probes have none because they must not fail under load; documents have none because they
cost little (OPS-6)."""

_JSON_TYPE = re.compile(r'application/json[ \t]*(;[ \t]*charset="?utf-8"?[ \t]*)?', re.IGNORECASE)


class Routes:
    def __init__(self, node: Node) -> None:
        self.node = node
        self._reader = CommandReader(node.contract, node.limits["jsonDepth"])
        self._allowances: dict[tuple[str, str], TokenBucket] = {}
        self._routes: Mapping[str, Mapping[str, Route]] = {
            "/ws/health": {"GET": self.get_health},
            "/healthz": {"GET": self.get_healthz},
            "/readyz": {"GET": self.get_readyz},
            "/ws/subscriptions": {"GET": self.get_subscriptions},
            EVENTS_PATH: {"GET": self.head_events, "OPTIONS": self.preflight},
            "/ws/nodes": {"GET": self.get_nodes},
            "/ws/broadcast": {"POST": self.post_broadcast},
            "/ws/explain": {"POST": self.post_explain},
            "/ws/files": {"POST": self.post_files},
            "/ws/disconnect": {"POST": self.post_disconnect},
            "/metrics": {"GET": self.get_metrics},
            CONTRACT_PATH: {"GET": self.get_contract},
            "/": {"GET": self.get_root},
            "/docs": {"GET": self.get_docs},
            "/console": {"GET": self.get_console},
            SOCKET_PATH: {"GET": self.get_socket},
        }

    def answer(self, head: Head, body: bytes, address: str) -> Response:
        try:
            self.check_admission(head)
            route = self._route(head)
            if len(head.query) != len(head.parameters):
                raise ProtocolError("invalid_message", "A query parameter is repeated.")
            self.check_rate(head, address)
            return route(head, body)
        except ProtocolError as error:
            return self.failure(error)

    def failure(self, error: ProtocolError, *, status: int | None = None) -> Response:
        """A response with the `error` message. Unless `status` is given, the contract selects it by the error code (OPS-0)."""
        fitting: int = self.node.contract.errors[error.code]["httpStatus"]
        headers = [("WWW-Authenticate", "Bearer")] if fitting == 401 else []
        if fitting == 429:
            headers.append(("Retry-After", str(-(-(error.retry_after_ms or 1000) // 1000))))
        return Response.json(status or fitting, error_message(self.node.contract, error), *headers)

    def _route(self, head: Head) -> Route:
        methods = self._routes.get(head.path)
        if methods is None:
            raise ProtocolError("unknown_type", "Not found; see /docs.")
        route = methods.get("GET" if head.method == "HEAD" else head.method)
        if route is None:
            allowed = ", ".join(methods)
            failure = self.failure(ProtocolError("invalid_message", f"Method not allowed; use {allowed}."), status=405)
            return lambda _head, _body: Response(405, failure.body, headers=(("Allow", allowed),))
        return route

    # ---- access

    def check_admission(self, head: Head) -> None:
        """Checks host name, origin and query string (which must contain no credential). HTTP requests are checked too,
        because a page in a browser could send them.

        :raises ProtocolError: forbidden, invalid_message
        """
        hosts = head.all("host")
        if len(hosts) != 1:
            raise ProtocolError("invalid_message", "A request must have exactly one Host header.")
        if not self.is_served(hosts[0]):
            raise ProtocolError("forbidden", "This host name is not served; the operator can add the name with --host-name.")
        origins = [] if self.is_open_to_pages(head.path) else head.all("origin")
        if not all(self.is_welcome_origin(origin, hosts[0]) for origin in origins):
            raise ProtocolError("forbidden", "Pages of this origin are not allowed; the operator can allow the origin with --origin.")
        if any(name.lower() in self.node.contract.credential_parameters for name in head.query):
            raise ProtocolError("invalid_message", "Send the credential in a header: addresses are logged.")

    def check_rate(self, head: Head, address: str) -> None:
        """:raises ProtocolError: rate_limited, when this caller has sent too many requests of this kind"""
        if head.path not in LIMITED_PATHS:
            return
        caller = address if self.token_of(head) is None else self.identify(head)[0].id
        limits = self.node.limits
        bucket = self._allowances.setdefault(
            (head.path, caller), TokenBucket(limits["commandsPerSecond"], limits["commandBurst"])
        )
        wait = bucket.take()
        if wait:
            raise ProtocolError("rate_limited", "Too many requests; wait and send again.", retry_after_ms=wait)

    def is_open_to_pages(self, path: str) -> bool:
        return path == CONTRACT_PATH

    def is_served(self, host: str) -> bool:
        return host_name(host) in self.node.options.hosts

    def choose_subprotocol(self, offered: list[str]) -> str | None:
        """:raises ProtocolError: invalid_message, if the server supports none of the offered subprotocols"""
        subprotocol = self.node.contract.subprotocol
        if offered and subprotocol not in offered:
            raise ProtocolError("invalid_message", f"Unsupported subprotocols; expected {subprotocol}.")
        return subprotocol if offered else None

    def is_welcome_origin(self, origin: str, host: str) -> bool:
        scheme, _, rest = origin.partition("://")
        return origin in self.node.options.origins or (scheme in ("http", "https") and rest.lower() == host.lower())

    def token_of(self, head: Head) -> str | None:
        """The credential of a request. If the scheme of the Authorization header is not Bearer, the whole header value is
        returned. That value is then rejected as an invalid credential."""
        authorization = head.get("authorization")
        if authorization is None:
            return head.get("x-api-key")
        scheme, _, token = authorization.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else authorization

    def identify(self, head: Head) -> tuple[Principal, str | None]:
        """:raises ProtocolError: unauthenticated"""
        token = self.token_of(head)
        principal = self.node.principal_of(token)
        if principal is None:
            raise ProtocolError("unauthenticated", "This credential is not valid.")
        return principal, token

    def require(self, head: Head) -> Principal:
        """:raises ProtocolError: unauthenticated, if a required credential is missing"""
        principal, token = self.identify(head)
        if token is None and self.node.tokens.required:
            raise ProtocolError("unauthenticated", "A credential is required in the header Authorization or X-API-Key.")
        return principal

    def require_reader(self, head: Head) -> Principal:
        principal = self.require(head)
        if not principal.may_read_all():
            raise ProtocolError("forbidden", "The scope admin:read is required.")
        return principal

    def require_operator(self, head: Head) -> Principal:
        principal = self.require(head)
        if not principal.may_disconnect():
            raise ProtocolError("forbidden", "The scope admin:write is required.")
        return principal

    # ---- operations

    def get_health(self, head: Head, body: bytes) -> Response:
        principal, _ = self.identify(head)
        return Response.json(200, self.health_for(principal))

    def health_for(self, principal: Principal) -> dict[str, Any]:
        full = introspection.health(self.node)
        return full if principal.may_read_all() else {name: full[name] for name in introspection.SUMMARY}

    def get_healthz(self, head: Head, body: bytes) -> Response:
        return Response.json(200, {"status": "ok"})

    def get_readyz(self, head: Head, body: bytes) -> Response:
        return (
            Response.json(503, {"status": "draining"}) if self.node.draining else Response.json(200, {"status": "ok"})
        )

    def get_subscriptions(self, head: Head, body: bytes) -> Response:
        self.require_reader(head)
        return Response.json(200, introspection.page(self.node, head.query))

    def head_events(self, head: Head, body: bytes) -> Response:
        """Answers HEAD without opening a stream of events. GET is handled by `server.py`."""
        self.require(head)
        return Response(200, b"", "text/event-stream", headers=tuple(self.page_headers(head)))

    def preflight(self, head: Head, body: bytes) -> Response:
        allowed = ("Access-Control-Allow-Headers", "authorization, x-api-key, last-event-id, cache-control")
        return Response(204, b"", "text/plain", headers=(*self.page_headers(head), allowed))

    def page_headers(self, head: Head) -> list[tuple[str, str]]:
        """Headers that let a page of another origin, if it is allowed, read the response (SSE-4)."""
        origin = head.get("origin")
        return [] if origin is None else [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]

    def get_nodes(self, head: Head, body: bytes) -> Response:
        self.require_reader(head)
        return Response.json(200, introspection.nodes(self.node))

    def post_broadcast(self, head: Head, body: bytes) -> Response:
        principal = self.require(head)
        data = self._read("broadcast_request", head, body)
        return Response.json(200, self.node.publisher.broadcast(principal, data, ""))

    def post_explain(self, head: Head, body: bytes) -> Response:
        principal = self.require_reader(head)
        data = self._read("explain_request", head, body)
        return Response.json(200, introspection.explain(self.node, principal, data))

    def post_files(self, head: Head, body: bytes) -> Response:
        """This server watches no directory, so no request can succeed (FIL-2)."""
        principal = self.require(head)
        data = self._read("files_request", head, body)
        self.check_files_scope(principal, data.get("stream", "main"))
        if "cursor" in data:
            raise ProtocolError(
                "invalid_message", "This is not a cursor; send `nextCursor` of a page unchanged.", pointer="/cursor"
            )
        self._check_files_filter(data.get("filter", {}))
        return self.files_page(data)

    def check_files_scope(self, principal: Principal, stream: str) -> None:
        """:raises ProtocolError: forbidden"""
        if not principal.may("subscribe", "file_change", stream):
            scope = f"subscribe:file_change@{stream}"
            raise ProtocolError("forbidden", f"The scope {scope} is required.", details={"scope": scope})

    def files_page(self, data: Mapping[str, Any]) -> Response:
        """:raises ProtocolError: not_watched"""
        raise ProtocolError(
            "not_watched", "This server watches no directory.", pointer="/root", details={"roots": []}
        )

    def _check_files_filter(self, fields: Mapping[str, Any]) -> None:
        """:raises ProtocolError: the errors of a subscription with this filter, with pointers into this request"""
        try:
            wanted = {"events": ["file_change"], "filter": fields}
            self.node.parts.filter.read(self.node.contract, self.node.limits, wanted)
        except ProtocolError as error:
            error.pointer = (error.pointer or "").removeprefix("/data")
            raise

    def post_disconnect(self, head: Head, body: bytes) -> Response:
        self.require_operator(head)
        data = self._read("disconnect_request", head, body)
        found = self.disconnect(data["connectionId"], reconnect=data.get("reconnect", True))
        answer: dict[str, Any] = {"disconnected": found, "partial": False, "missingNodes": []}
        if found:
            answer["nodeId"] = self.node.options.node_id
        return Response.json(200, answer)

    def disconnect(self, connection_id: str, *, reconnect: bool) -> bool:
        """Disconnects a client. Returns whether an open connection had this id (OPS-8)."""
        for connection in list(self.node.connections):
            if connection.id == connection_id and connection.closing is None:
                connection.close("disconnected" if reconnect else "removed")
                return True
        return False

    def get_metrics(self, head: Head, body: bytes) -> Response:
        return Response(200, introspection.metrics(self.node).encode(), "text/plain; version=0.0.4")

    def get_contract(self, head: Head, body: bytes) -> Response:
        contract = self.node.contract
        as_json = prefers_json(head)
        return Response(
            200,
            contract.bundle if as_json else contract.source,
            "application/json" if as_json else "application/yaml",
            headers=(("Access-Control-Allow-Origin", "*"), ("Vary", "Accept")),
        )

    def get_docs(self, head: Head, body: bytes) -> Response:
        file, media_type = (REFERENCE_TEXT, "text/markdown") if wants_markdown(head) else (REFERENCE, "text/html")
        return Response(200, file.read_bytes(), media_type, headers=(("Vary", "Accept"),))

    def get_root(self, head: Head, body: bytes) -> Response:
        """Redirects to the reference. The address is relative, because a proxy may serve this server below a path
        prefix (OPS-7)."""
        return Response(302, b"", "text/plain", headers=(("Location", "docs"),))

    def get_console(self, head: Head, body: bytes) -> Response:
        return Response(200, _console(introspection.health(self.node)).encode(), "text/html")

    def get_socket(self, head: Head, body: bytes) -> Response:
        """Rejects a `GET /ws` without an upgrade."""
        error = ProtocolError("invalid_message", "This is a WebSocket endpoint; send an upgrade request.")
        failure = self.failure(error, status=426)
        return Response(426, failure.body, headers=(("Upgrade", "websocket"), ("Connection", "Upgrade, close")))

    def _read(self, message: str, head: Head, body: bytes) -> dict[str, Any]:
        # A page of another origin can send text/plain without a CORS preflight, but not application/json.
        if _JSON_TYPE.fullmatch(head.get("content-type") or "") is None:
            raise ProtocolError("invalid_message", "The body must be JSON, with Content-Type application/json.")
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise ProtocolError("invalid_json", "The body is not UTF-8.") from error
        value = self._reader.parse_object(text)
        self._reader.check(message, value)
        return value


def _console(figures: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>" for name, value in figures.items()
    )
    return f"<!doctype html><html lang=en><title>Tidemark</title><h1>Tidemark</h1><table>{rows}</table></html>"
