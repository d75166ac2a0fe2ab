"""Selects the format of a document by the header Accept (RFC 9110 §12.5.1)."""

from __future__ import annotations

import re
from typing import Mapping

from .http import Head

_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def prefers_json(head: Head) -> bool:
    """Whether the client prefers JSON to YAML (RFC 9110 §12.5.1). A client without a preference gets YAML."""
    weights = _accepted(head)
    return _weight(weights, "application/json") > _weight(weights, "application/yaml")


def wants_markdown(head: Head) -> bool:
    """Whether the client names Markdown and gives HTML no higher weight (OPS-7)."""
    weights = _accepted(head)
    named = weights.get("text/markdown", 0.0)
    return named > 0 and named >= _weight(weights, "text/html")


def _accepted(head: Head) -> dict[str, float]:
    """Weights of the media ranges of the header Accept."""
    weights: dict[str, float] = {}
    for item in head.tokens("accept"):
        name, *parameters = (part.strip() for part in item.split(";"))
        text = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        weights.setdefault(name, float(text) if _WEIGHT.fullmatch(text) else 0.0)
    return weights


def _weight(weights: Mapping[str, float], media_type: str) -> float:
    """The weight of a type by the most specific range that covers it."""
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((weights[each] for each in ranges if each in weights), 0.0)
