"""Sends the credential on each connection, and a new credential before the present one expires (SEC-2, SEC-3)."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from datetime import datetime, timezone
from typing import Protocol, Union

from .commands import Answer, CommandTable
from .errors import TidemarkError
from .link import Link
from .settings import Settings
from .timing import Timer
from .wire import JsonObject, as_object

#: A credential is renewed after this fraction of its remaining lifetime.
RENEW_AT = 0.9
#: In seconds. If a token expires sooner than this, it is not renewed; instead the client waits until the server closes
#: the connection with 4100. Without this limit, a token function that returns the same cached token each time would be
#: called more and more often.
MIN_LEFT = 2.0


class AuthenticatorHooks(Protocol):
    """Callbacks of the connection. All are called synchronously."""

    def on_authenticated(self, data: JsonObject) -> None: ...

    def on_accepted(self, link: Link) -> None: ...

    def on_retry(self, link: Link, retry_after: Union[float, None]) -> None:
        """Called when the credential was not accepted, but another attempt may succeed: the credential can be renewed, or
        the server may accept it later."""

    def on_refused(self, error: BaseException) -> None: ...

    def on_error(self, error: BaseException) -> None: ...

    def start_task(self, work: Coroutine[object, object, None]) -> None: ...


class Authenticator:
    def __init__(self, settings: Settings, table: CommandTable, hooks: AuthenticatorHooks) -> None:
        self._settings = settings
        self._table = table
        self._hooks = hooks
        self._token = settings.token
        #: Number of consecutive rejections of the credential.
        self._refusals = 0
        self._renewal = Timer()

    @property
    def renewable(self) -> bool:
        return callable(self._token)

    def adopt(self, token: str) -> None:
        """Uses an accepted token for later connections, unless there is a token function."""
        if not self.renewable:
            self._token = token

    async def credential(self) -> Union[JsonObject, None]:
        """The data of ``authenticate``; None for a client without a credential."""
        if self._token is None:
            return None if self._settings.api_key is None else {"apiKey": self._settings.api_key}
        if isinstance(self._token, str):
            return {"token": self._token}
        token = self._token()
        return {"token": await token if inspect.isawaitable(token) else token}

    def authenticate(self, link: Link, credential: JsonObject) -> None:
        timeout = self._settings.command_timeout
        self._table.send(link.send, "authenticate", credential, timeout, lambda answer: self._settled(link, answer))

    def cancel(self) -> None:
        """Cancels the renewal, because the connection has ended."""
        self._renewal.cancel()

    def _settled(self, link: Link, answer: Answer) -> None:
        if not isinstance(answer, BaseException):
            self._refusals = 0
            self.accepted(link, answer)
            self._hooks.on_accepted(link)
            return
        if not link.usable:
            return  # When the connection ends, its close code decides whether to reconnect.
        self._hooks.on_error(answer)
        if not isinstance(answer, TidemarkError) or answer.retryable:
            self._hooks.on_retry(link, answer.retry_after if isinstance(answer, TidemarkError) else None)
            return
        # An expired token may have caused the first rejection, so the token function is then called once more.
        self._refusals += 1
        if self.renewable and self._refusals == 1:
            self._hooks.on_retry(link, None)
        else:
            self._hooks.on_refused(answer)

    def accepted(self, link: Union[Link, None], data: JsonObject) -> None:
        """Called when the server has accepted a credential. Schedules its renewal if there is a token function (SEC-3).

        link: the connection; None if it has ended meanwhile.
        """
        self._renewal.cancel()
        left = _lifetime_of(data)
        if link is not None and self.renewable and left >= MIN_LEFT:
            live: Link = link
            self._renewal.start(left * RENEW_AT, lambda: self._hooks.start_task(self._renew(live)))
        self._hooks.on_authenticated(data)

    async def _renew(self, link: Link) -> None:
        try:
            credential = await self.credential()
        except Exception as error:  # noqa: BLE001 - the current token is used until it expires
            self._hooks.on_error(error)
            return
        if credential is None or not link.usable:
            return

        def settled(answer: Answer) -> None:
            if not isinstance(answer, BaseException):
                self.accepted(link, answer)
            elif link.usable:
                self._hooks.on_error(answer)

        self._table.send(link.send, "authenticate", credential, self._settings.command_timeout, settled)


def _lifetime_of(data: JsonObject) -> float:
    """The time until the accepted credential expires, in seconds; 0 if the server has not sent it."""
    principal = as_object(data.get("principal"))
    expires_at = None if principal is None else principal.get("expiresAt")
    if not isinstance(expires_at, str):
        return 0
    try:
        expiry = datetime.fromisoformat(expires_at.replace("Z", "+00:00"))
        return (expiry - datetime.now(timezone.utc)).total_seconds()
    except (TypeError, ValueError):
        # The time is not ISO 8601, or has no time zone.
        return 0
