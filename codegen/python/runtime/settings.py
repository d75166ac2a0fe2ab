"""The settings of a client, and the check of its address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Union
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

#: A fixed token, or a function that fetches a valid token for each connection and before the present token expires.
TokenSource = Union[str, Callable[[], Union[str, Awaitable[str]]]]

#: The scheme of the address to connect to, by the scheme of the given address.
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


@dataclass(frozen=True)
class Settings:
    url: str
    token: Union[TokenSource, None] = field(repr=False)
    api_key: Union[str, None] = field(repr=False)
    backoff_min: float
    backoff_max: float
    max_attempts: Union[int, None]
    open_timeout: float
    command_timeout: float
    silent_intervals: float
    stable_after: float
    random: Callable[[], float]


def read_url(url: str, credential_parameters: frozenset[str]) -> str:
    """The address to connect to. Raises ValueError when the address is invalid or contains a credential (SEC-2).

    The error does not contain the address, because the address may contain a credential.
    """
    parts = _split(url)
    if parts is None:
        raise ValueError("The url is not valid; it must begin with ws://, wss://, http:// or https://, followed by a host.")
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    secret = next((name for name in names if name.lower() in credential_parameters), None)
    if secret is not None or parts.username is not None or parts.password is not None:
        where = "the user part" if secret is None else f'the parameter "{secret}"'
        raise ValueError(f"The url contains a credential in {where}. Use token= or api_key= instead.")
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, parts.path, parts.query, ""))


def _split(url: str) -> Union[SplitResult, None]:
    """The parts of the address; None if it is invalid. Errors of ``urllib`` are not passed on, because some contain the address."""
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in _SCHEMES and bool(parts.hostname)
        _ = parts.port  # Raises an error if the port is not a number from 0 to 65535.
    except ValueError:
        return None
    return parts if is_valid else None
