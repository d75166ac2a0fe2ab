"""Filters that match too much or too little (SUB-4, SUB-5)."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any, Mapping, Sequence

from ..contract import EventSpec
from ..errors import ProtocolError
from ..filters import ExtensionPattern, Filter, Mismatch, PathPattern, Pattern, match_run, match_segment
from .registry import mutant


class OverlookingFilter(Filter):
    """Ignores one filter field."""

    overlooked: str

    def check_field(self, field: str, spec: EventSpec, event: Mapping[str, Any]) -> Mismatch | None:
        return None if field == self.overlooked else super().check_field(field, spec, event)


@mutant("change-types-overlooked", "the filter field changeTypes is ignored", clause="SUB-4")
class ChangeTypesOverlooked(OverlookingFilter):
    overlooked = "changeTypes"


@mutant("entity-types-overlooked", "the filter field entityTypes is ignored", clause="SUB-4")
class EntityTypesOverlooked(OverlookingFilter):
    overlooked = "entityTypes"


@mutant("relationship-types-overlooked", "the filter field relationshipTypes is ignored", clause="SUB-4")
class RelationshipTypesOverlooked(OverlookingFilter):
    overlooked = "relationshipTypes"


@mutant("session-ids-overlooked", "the filter field sessionIds is ignored", clause="SUB-4")
class SessionIdsOverlooked(OverlookingFilter):
    overlooked = "sessionIds"


@mutant("operation-ids-overlooked", "the filter field operationIds is ignored", clause="SUB-4")
class OperationIdsOverlooked(OverlookingFilter):
    overlooked = "operationIds"


@mutant("session-events-overlooked", "the filter field sessionEvents is ignored", clause="SUB-4")
class SessionEventsOverlooked(OverlookingFilter):
    overlooked = "sessionEvents"


@mutant("actors-overlooked", "the filter field actors is ignored", clause="SUB-4")
class ActorsOverlooked(OverlookingFilter):
    overlooked = "actors"


@mutant("sources-overlooked", "the filter field sources is ignored", clause="SUB-4")
class SourcesOverlooked(OverlookingFilter):
    overlooked = "sources"


@mutant("rename-by-old-path", "a rename matches only by its old path", clause="SUB-5")
class RenameByOldPath(Filter):
    def check_field(self, field: str, spec: EventSpec, event: Mapping[str, Any]) -> Mismatch | None:
        if "previousPath" not in event["payload"] or field not in ("paths", "extensions"):
            return super().check_field(field, spec, event)
        old = [pointer for pointer in spec.filterable.get(field, ()) if pointer.endswith("/previousPath")]
        return super().check_field(field, replace(spec, filterable={field: old}), event)


class WrongPattern(PathPattern):
    def matches(self, value: str) -> bool:
        return self.fits(unicodedata.normalize("NFC", value).split("/")) if self._glob else super().matches(value)

    def fits(self, segments: Sequence[str]) -> bool:
        raise NotImplementedError


class CrossingPattern(WrongPattern):
    def fits(self, segments: Sequence[str]) -> bool:
        return match_segment("/".join(self._segments), "/".join(segments))


@mutant("star-crosses-directories", "`src/*` matches `src/a/b.ts`", clause="SUB-5")
class StarCrossesDirectories(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return CrossingPattern(value) if kind == "path" else super().make_pattern(kind, value)


class NarrowPattern(WrongPattern):
    def fits(self, segments: Sequence[str]) -> bool:
        wanted = [part for each in self._segments for part in (("**", "*") if each == "**" else (each,))]
        return match_run(wanted, segments, lambda part: part == "**", match_segment)


@mutant("double-star-takes-one", "`src/**/a.ts` does not match `src/a.ts`", clause="SUB-5")
class DoubleStarTakesOne(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return NarrowPattern(value) if kind == "path" else super().make_pattern(kind, value)


class ManyPattern(WrongPattern):
    def fits(self, segments: Sequence[str]) -> bool:
        wanted = [each.replace("?", "*") for each in self._segments]
        return match_run(wanted, segments, lambda part: part == "**", match_segment)


@mutant("question-mark-takes-many", "`a?.ts` matches `abc.ts`", clause="SUB-5")
class QuestionMarkTakesMany(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return ManyPattern(value) if kind == "path" else super().make_pattern(kind, value)


class BytesPattern(PathPattern):
    def matches(self, value: str) -> bool:
        return unicodedata.is_normalized("NFC", value) and super().matches(value)


@mutant("paths-unnormalised", "paths are not normalised to NFC before matching", clause="SUB-5")
class PathsUnnormalised(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return BytesPattern(value) if kind == "path" else super().make_pattern(kind, value)


class FilePattern(PathPattern):
    def matches(self, value: str) -> bool:
        return super().matches(value) and (self._glob or value.count("/") < len(self._segments))


@mutant("directories-by-themselves", "`src` matches only `src` itself and nothing below it", clause="SUB-5")
class DirectoriesByThemselves(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return FilePattern(value) if kind == "path" else super().make_pattern(kind, value)


class WholeExtension(ExtensionPattern):
    def matches(self, value: str) -> bool:
        _, dot, rest = value.rpartition("/")[2].partition(".")
        return super().matches(value) and dot + rest.lower() == self._ending


@mutant("extension-from-first-dot", "`.ts` does not match `a.d.ts`", clause="SUB-5")
class ExtensionFromFirstDot(Filter):
    def make_pattern(self, kind: str, value: str) -> Pattern:
        return WholeExtension(value) if kind == "extension" else super().make_pattern(kind, value)


@mutant("enumeration-unchecked", "a filter may ask for values that no event can have", clause="SUB-4")
class EnumerationUnchecked(Filter):
    def check_enumerated(self, field: str, values: Sequence[str]) -> None:
        pass


@mutant("enumeration-first-only", "only the first value of a filter field is compared with the enumeration", clause="SUB-4")
class EnumerationFirstOnly(Filter):
    def check_enumerated(self, field: str, values: Sequence[str]) -> None:
        super().check_enumerated(field, values[:1])


@mutant("enumeration-unlisted", "the error for a value outside an enumeration does not list the values", clause="SUB-4")
class EnumerationUnlisted(Filter):
    def check_enumerated(self, field: str, values: Sequence[str]) -> None:
        try:
            super().check_enumerated(field, values)
        except ProtocolError as error:
            error.details = None
            raise


@mutant("fields-unlisted", "the error for a field that no event declares does not list the possible fields", clause="SUB-4")
class FieldsUnlisted(Filter):
    @classmethod
    def not_applicable(cls, field: str, events: Sequence[str], specs: Sequence[EventSpec]) -> ProtocolError:
        error = super().not_applicable(field, events, specs)
        error.details = None
        return error


@mutant("fields-of-all", "the error for a field that no event declares lists the fields of all events", clause="SUB-4")
class FieldsOfAll(Filter):
    @classmethod
    def not_applicable(cls, field: str, events: Sequence[str], specs: Sequence[EventSpec]) -> ProtocolError:
        error = super().not_applicable(field, events, specs)
        error.details = {"fields": ["paths", "extensions", "entityTypes", "actors", "sources"]}
        return error


@mutant("first-relationship-only", "only the first relationship of a session is compared", clause="SUB-4")
class FirstRelationshipOnly(Filter):
    def check_field(self, field: str, spec: EventSpec, event: Mapping[str, Any]) -> Mismatch | None:
        payload = event["payload"]
        if spec.name == "session_event" and isinstance(payload.get("relationships"), list):
            event = {**event, "payload": {**payload, "relationships": payload["relationships"][:1]}}
        return super().check_field(field, spec, event)


@mutant("session-relationships-overlooked", "relationshipTypes does not narrow events of a session", clause="SUB-4")
class SessionRelationshipsOverlooked(Filter):
    def check_field(self, field: str, spec: EventSpec, event: Mapping[str, Any]) -> Mismatch | None:
        if spec.name == "session_event" and field == "relationshipTypes":
            return None
        return super().check_field(field, spec, event)
