"""The settings of a client, and the check of its address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Union
from urllib.parse import parse_qsl, urlsplit, urlunsplit

#: A fixed token, or a function that fetches a valid token for each connection and before the present token expires.
TokenSource = Union[str, Callable[[], Union[str, Awaitable[str]]]]


@dataclass(frozen=True)
class Settings:
    url: str
    token: Union[TokenSource, None]
    api_key: Union[str, None]
    backoff_min: float
    backoff_max: float
    max_attempts: Union[int, None]
    open_timeout: float
    command_timeout: float
    silent_intervals: float
    stable_after: float
    random: Callable[[], float]


def read_url(url: str, credential_parameters: frozenset[str]) -> str:
    """The address to connect to. Raises ValueError when the address is invalid or contains a credential (SEC-2)."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"The url {url.split('?')[0]!r} is not an address; it must begin with ws://, wss://, http:// or https://.")
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    secret = next((name for name in names if name.lower() in credential_parameters), None)
    if secret is not None or parts.username is not None or parts.password is not None:
        where = "the user part" if secret is None else f'the parameter "{secret}"'
        raise ValueError(f"The url contains a credential in {where}. Use token= or api_key= instead.")
    return urlunsplit((scheme, parts.netloc, parts.path, parts.query, ""))
