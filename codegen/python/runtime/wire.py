"""The parts of the protocol that the client implements by hand: frames, positions, close codes. The rest comes from the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Union, cast

JsonObject = Mapping[str, object]

CloseClass = Literal["do-not-retry", "refresh", "retry-resume", "retry-fresh"]

MAX_SAFE_INTEGER = 2**53 - 1


@dataclass(frozen=True)
class Position:
    """A position in a stream. Positions can be compared only within one epoch (STR-3)."""

    epoch: str
    sequence_id: int

    def as_json(self) -> dict[str, object]:
        return {"epoch": self.epoch, "sequenceId": self.sequence_id}


@dataclass(frozen=True)
class ProtocolSpec:
    """The constants of the contract that the client needs."""

    subprotocol: str
    #: Names of query parameters for credentials, in lower case. Addresses with such a parameter are rejected (SEC-2).
    credential_parameters: frozenset[str]
    #: The type of the success reply of each command, by the name of the command.
    replies: Mapping[str, str]
    #: The name and the class of each close code, by code (CON-6).
    close_codes: Mapping[int, tuple[str, CloseClass]]
    #: SHA-256 of the contract.
    contract_digest: str
    #: The names of the declared events.
    events: Sequence[str]


@dataclass(frozen=True)
class Frame:
    """One message (ENV-1)."""

    type: str
    id: Union[str, None]
    data: JsonObject


@dataclass(frozen=True)
class EventPrefix:
    """The members of an event's ``data`` that the client itself reads: subscriptions, replay flag, stream and position."""

    subscription_ids: Sequence[str]
    is_replay: bool
    stream: str
    position: Position


def read_frame(text: object) -> Union[Frame, str]:
    """Returns the frame, or the reason why the text is not a frame. Unknown types and extra fields are accepted (ENV-4)."""
    if not isinstance(text, str):
        return "a binary frame; every message is a text frame (ENV-1)"
    try:
        value: object = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return "a frame that is not JSON"
    message = as_object(value)
    if message is None:
        return "a frame that is not a JSON object"
    kind, id_, data = message.get("type"), message.get("id"), as_object(message.get("data"))
    if not isinstance(kind, str):
        return 'a message without a "type"'
    if data is None:
        return f'a "{kind}" message without an object "data"'
    if id_ is not None and not isinstance(id_, str):
        return f'a "{kind}" message whose "id" is not a string'
    return Frame(kind, id_, data)


def read_position(value: object) -> Union[Position, None]:
    members = as_object(value)
    if members is None:
        return None
    epoch, sequence_id = members.get("epoch"), as_whole_number(members.get("sequenceId"))
    return Position(epoch, sequence_id) if isinstance(epoch, str) and sequence_id is not None else None


def read_event_prefix(data: JsonObject) -> Union[EventPrefix, None]:
    ids, is_replay, stream = as_strings(data.get("subscriptionIds")), data.get("isReplay"), data.get("stream")
    position = read_position(data)
    if ids is None or not isinstance(is_replay, bool) or not isinstance(stream, str) or position is None:
        return None
    return EventPrefix(ids, is_replay, stream, position)


def as_object(value: object) -> Union[JsonObject, None]:
    """The value if it is a JSON object; otherwise None."""
    return cast(JsonObject, value) if isinstance(value, Mapping) else None


def as_list(value: object) -> Union[Sequence[object], None]:
    """The value if it is a JSON array; otherwise None."""
    return cast("list[object]", value) if isinstance(value, list) else None


def as_strings(value: object) -> Union[Sequence[str], None]:
    """The value if it is a JSON array of strings; otherwise None."""
    items = as_list(value)
    return cast(Sequence[str], items) if items is not None and all(isinstance(item, str) for item in items) else None


def as_whole_number(value: object) -> Union[int, None]:
    """The value if it is a whole number from 0 to 2^53 - 1; otherwise None."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SAFE_INTEGER
    return cast(int, value) if is_whole else None


def _read_fraction(digits: str) -> float:
    """Reads a JSON number with a fraction or an exponent. 10.0 and 1e1 become the int 10: JSON Schema and JavaScript do not
    distinguish them from 10."""
    number = float(digits)
    return int(number) if number.is_integer() and abs(number) <= MAX_SAFE_INTEGER else number


def _refuse_constant(name: str) -> float:
    """Refuses NaN and Infinity, which Python reads by default although they are not JSON."""
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_read_fraction, parse_constant=_refuse_constant)


#: The class of a private close code by its first two digits, so that codes of a newer contract can be classified too.
_CLASS_BY_HUNDRED: Mapping[int, CloseClass] = {
    40: "do-not-retry",
    41: "refresh",
    42: "retry-resume",
    43: "retry-fresh",
}

#: Close codes of RFC 6455 with which a server rejects the client itself (policy violation, missing extension), so that
#: another attempt would fail too.
_STANDARD_REFUSALS = frozenset({1008, 1010})


def classify_close(code: int, spec: ProtocolSpec) -> CloseClass:
    """What the client must do after a close code (CON-6)."""
    known = spec.close_codes.get(code)
    if known is not None:
        return known[1]
    if code in _STANDARD_REFUSALS:
        return "do-not-retry"
    return _CLASS_BY_HUNDRED.get(code // 100, "retry-resume")
