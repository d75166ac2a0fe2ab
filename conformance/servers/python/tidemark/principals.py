"""The identity and the scopes of a client (SEC-1)."""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Mapping, Sequence

from .clock import now_ms, parse_timestamp, timestamp
from .contract import Contract, compile_pattern

_KINDS = {"user": "user", "agent": "agent", "key": "api_key", "service": "service"}


def covers(glob: str, pattern: str) -> bool:
    """Whether the glob covers all names that the pattern covers; both are names with an optional `*` at the end."""
    if glob.endswith("*"):
        return pattern.removesuffix("*").startswith(glob[:-1])
    return glob == pattern


@dataclass(frozen=True)
class Scope:
    action: str
    event: str
    stream: str

    @classmethod
    def parse(cls, text: str) -> Scope:
        action, _, rest = text.partition(":")
        event, _, stream = rest.partition("@")
        return cls(action, event, stream or "*")

    def covers(self, action: str, event: str, stream: str) -> bool:
        return self.action == action and covers(self.event, event) and covers(self.stream, stream)


@dataclass(frozen=True)
class Principal:
    kind: str
    id: str
    scopes: tuple[str, ...]
    expires_ms: int | None = None
    lifetime_ms: int | None = None
    """If set, the credential expires this long after a client has presented it."""

    def shown(self) -> Principal:
        return self if self.lifetime_ms is None else replace(self, expires_ms=now_ms() + self.lifetime_ms)

    def may(self, action: str, event: str, stream: str) -> bool:
        """Whether a scope allows the action. If `event` is a pattern, a single scope must cover the whole pattern."""
        return any(Scope.parse(text).covers(action, event, stream) for text in self.scopes)

    def may_any(self, action: str, stream: str) -> bool:
        """Whether any scope applies to the stream, for any event."""
        return any(scope.action == action and covers(scope.stream, stream) for scope in map(Scope.parse, self.scopes))

    def may_read_all(self) -> bool:
        return "admin:read" in self.scopes

    def may_disconnect(self) -> bool:
        return "admin:write" in self.scopes

    @property
    def expired(self) -> bool:
        return self.expires_ms is not None and now_ms() >= self.expires_ms

    def wire(self) -> dict[str, Any]:
        data: dict[str, Any] = {"kind": self.kind, "id": self.id, "scopes": list(self.scopes)}
        if self.expires_ms is not None:
            data["expiresAt"] = timestamp(self.expires_ms)
        return data


EVERYONE = Principal("anonymous", "anonymous", ("subscribe:*", "publish:*", "admin:read", "admin:write"))
"""The principal of every client while no credential is configured."""

NOBODY = Principal("anonymous", "anonymous", ())
"""The principal of a client that has not authenticated yet."""


class Tokens:
    """The configured credentials: `{token: {principal, scopes, kind?, expiresAt?, lifetimeMs?}}` in a JSON file."""

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        self._principals = dict(principals)

    @property
    def required(self) -> bool:
        return bool(self._principals)

    def find(self, token: str) -> Principal | None:
        """Compares the token with every configured token, so that the response time reveals nothing about them."""
        found = None
        for known, principal in self._principals.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                found = principal
        return None if found is None or found.expired else found.shown()

    def is_revoked(self, token: str) -> bool:
        return token not in self._principals

    @classmethod
    def load(cls, file: Path | None, contract: Contract) -> Tokens:
        """:raises ValueError: if the content of the file is invalid"""
        if file is None:
            return cls({})
        entries = json.loads(file.read_text("utf-8"))
        return cls({token: _read_principal(entry, contract) for token, entry in entries.items()})


def _read_principal(entry: Mapping[str, Any], contract: Contract) -> Principal:
    name: str = entry["principal"]
    scopes: Sequence[str] = entry["scopes"]
    pattern: re.Pattern[str] = compile_pattern(contract.schemas["Scope"]["pattern"])
    for scope in scopes:
        if pattern.search(scope) is None:
            raise ValueError(f"{scope!r} of {name} is not a valid scope")
    kind: str = _KINDS.get(name.partition(":")[0], "user")
    kind = entry.get("kind") or kind
    expires = entry.get("expiresAt")
    expires_ms = None if expires is None else parse_timestamp(expires)
    return Principal(kind, name, tuple(scopes), expires_ms, entry.get("lifetimeMs"))
