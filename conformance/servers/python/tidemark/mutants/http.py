"""Faults of probes and documents (OPS)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Mapping

from .. import introspection
from ..errors import ProtocolError
from ..introspection import QUERY
from ..http import Head, Response
from ..principals import Principal
from ..routes import Routes
from .registry import mutant


def _missing() -> Response:
    return Response.json(404, {})


@mutant("healthz-as-text", "the liveness probe responds with plain text", clause="OPS-1")
class HealthzAsText(Routes):
    def get_healthz(self, head: Head, body: bytes) -> Response:
        return Response(200, b"alive", "text/plain")


@mutant("never-ready", "the readiness probe always reports draining", clause="OPS-1")
class NeverReady(Routes):
    def get_readyz(self, head: Head, body: bytes) -> Response:
        return Response.json(503, {"status": "draining"})


@mutant("missing-upgrade-accepted", "GET /ws without an upgrade is answered with 200", clause="OPS-1")
class MissingUpgradeAccepted(Routes):
    def get_socket(self, head: Head, body: bytes) -> Response:
        return Response.json(200, {"status": "ok"})


@mutant("metrics-as-json", "metrics are JSON", clause="OPS-4")
class MetricsAsJson(Routes):
    def get_metrics(self, head: Head, body: bytes) -> Response:
        return Response.json(200, {"connections": len(self.node.connections)})


@mutant("contract-missing", "the contract is not served", clause="OPS-4")
class ContractMissing(Routes):
    def get_contract(self, head: Head, body: bytes) -> Response:
        return _missing()


@mutant("docs-missing", "the reference is not served", clause="OPS-4")
class DocsMissing(Routes):
    def get_docs(self, head: Head, body: bytes) -> Response:
        return _missing()


@mutant("docs-never-markdown", "the reference is HTML, whatever the client asks for", clause="OPS-7")
class DocsNeverMarkdown(Routes):
    def get_docs(self, head: Head, body: bytes) -> Response:
        return super().get_docs(replace(head, headers=()), body)


@mutant("docs-always-markdown", "the reference is Markdown if the client names Markdown, even with a lower weight than HTML", clause="OPS-7")
class DocsAlwaysMarkdown(Routes):
    def get_docs(self, head: Head, body: bytes) -> Response:
        wants = any("markdown" in each for each in head.all("accept"))
        return super().get_docs(replace(head, headers=(("accept", "text/markdown"),) if wants else ()), body)


@mutant("docs-cached-alike", "the reference is served in two forms without the header Vary", clause="OPS-7")
class DocsCachedAlike(Routes):
    def get_docs(self, head: Head, body: bytes) -> Response:
        return replace(super().get_docs(head, body), headers=())


@mutant("docs-elsewhere", "/docs and / redirect to /reference", clause="OPS-7")
class DocsElsewhere(Routes):
    def get_docs(self, head: Head, body: bytes) -> Response:
        return replace(super().get_root(head, body), headers=(("Location", "/reference"),))

    def get_root(self, head: Head, body: bytes) -> Response:
        return self.get_docs(head, body)


@mutant("console-missing", "the console is not served", clause="OPS-4")
class ConsoleMissing(Routes):
    def get_console(self, head: Head, body: bytes) -> Response:
        return _missing()


@mutant("explain-publishes", "explain also publishes the event", clause="OPS-3")
class ExplainPublishes(Routes):
    def post_explain(self, head: Head, body: bytes) -> Response:
        response = super().post_explain(head, body)
        if response.status == 200:
            data = json.loads(body)
            source = {"name": "explain", "principal": "explain"}
            self.node.publish(data.get("stream", "main"), data["event"], source, data["payload"])
        return response


@mutant("files-empty", "a root that is not watched is listed as an empty directory", clause="FIL-2")
class FilesEmpty(Routes):
    def files_page(self, data: Mapping[str, Any]) -> Response:
        position = {"epoch": "e", "sequenceId": 0}
        page = {"stream": data.get("stream", "main"), "root": data.get("root", "r"), "nodeId": "n", "entries": []}
        return Response.json(200, {**page, "position": position, "resumeAfter": position, "unread": []})


@mutant("files-roots-untold", "the error for a root that is not watched does not list the watched roots", clause="FIL-2")
class FilesRootsUntold(Routes):
    def files_page(self, data: Mapping[str, Any]) -> Response:
        raise ProtocolError("not_watched", "This server watches no directory.")


@mutant("files-unchecked", "files are listed without the scope to subscribe to their changes", clause="FIL-2")
class FilesUnchecked(Routes):
    def check_files_scope(self, principal: Principal, stream: str) -> None:
        pass


@mutant("files-any-cursor", "a cursor that the server never issued is ignored", clause="FIL-2")
class FilesAnyCursor(Routes):
    def post_files(self, head: Head, body: bytes) -> Response:
        data = json.loads(body)
        data.pop("cursor", None)
        return super().post_files(head, json.dumps(data).encode())


@mutant("metrics-empty", "the metrics are empty", clause="OPS-4")
class MetricsEmpty(Routes):
    def get_metrics(self, head: Head, body: bytes) -> Response:
        return Response(200, b"", "text/plain; version=0.0.4")


@mutant("contract-cut", "only the beginning of the contract is served", clause="OPS-4")
class ContractCut(Routes):
    def get_contract(self, head: Head, body: bytes) -> Response:
        return Response(200, self.node.contract.source[:2000], "application/yaml")


@mutant("contract-kept-from-pages", "pages of other origins may not read the contract", clause="OPS-5")
class ContractKeptFromPages(Routes):
    def is_open_to_pages(self, path: str) -> bool:
        return False


@mutant("contract-never-json", "the contract is YAML, whatever the client asks for", clause="OPS-5")
class ContractNeverJson(Routes):
    def get_contract(self, head: Head, body: bytes) -> Response:
        return super().get_contract(replace(head, headers=()), body)


@mutant("contract-always-json", "the contract is JSON if the client accepts JSON, even with a lower weight than YAML", clause="OPS-5")
class ContractAlwaysJson(Routes):
    def get_contract(self, head: Head, body: bytes) -> Response:
        wants = any("json" in each for each in head.all("accept"))
        return super().get_contract(replace(head, headers=(("accept", "application/json"),) if wants else ()), body)


@mutant("contract-rewritten", "the JSON of the contract has another digest than the one in welcome", clause="OPS-5")
class ContractRewritten(Routes):
    def get_contract(self, head: Head, body: bytes) -> Response:
        response = super().get_contract(head, body)
        if response.media_type != "application/json":
            return response
        return replace(response, body=json.dumps(json.loads(response.body)).encode())


@mutant("contract-cached-alike", "the contract is served in two forms without the header Vary", clause="OPS-5")
class ContractCachedAlike(Routes):
    def get_contract(self, head: Head, body: bytes) -> Response:
        response = super().get_contract(head, body)
        return replace(response, headers=tuple(each for each in response.headers if each[0] != "Vary"))


@mutant("queries-unchecked", "unknown query parameters are ignored", clause="OPS-2")
class QueriesUnchecked(Routes):
    def get_subscriptions(self, head: Head, body: bytes) -> Response:
        known = {name: value for name, value in head.query.items() if name in QUERY}
        return super().get_subscriptions(replace(head, query=known), body)


@mutant("disconnect-only-reported", "disconnect reports success and leaves the connection open", clause="OPS-8")
class DisconnectOnlyReported(Routes):
    def disconnect(self, connection_id: str, *, reconnect: bool) -> bool:
        return any(each.id == connection_id and each.closing is None for each in self.node.connections)


@mutant("disconnect-everyone", "disconnect also ends all other connections", clause="OPS-8")
class DisconnectEveryone(Routes):
    def disconnect(self, connection_id: str, *, reconnect: bool) -> bool:
        found = super().disconnect(connection_id, reconnect=reconnect)
        for connection in list(self.node.connections):
            if found:
                connection.close("disconnected")
        return found


@mutant("disconnect-always-retried", "disconnect with reconnect: false tells the client to reconnect", clause="OPS-8")
class DisconnectAlwaysRetried(Routes):
    def disconnect(self, connection_id: str, *, reconnect: bool) -> bool:
        return super().disconnect(connection_id, reconnect=True)


@mutant("disconnect-never-retried", "disconnect tells the client by default not to reconnect", clause="OPS-8")
class DisconnectNeverRetried(Routes):
    def disconnect(self, connection_id: str, *, reconnect: bool) -> bool:
        return super().disconnect(connection_id, reconnect=False)


@mutant("disconnect-finds-anything", "disconnect reports success for an id that no connection has", clause="OPS-8")
class DisconnectFindsAnything(Routes):
    def disconnect(self, connection_id: str, *, reconnect: bool) -> bool:
        super().disconnect(connection_id, reconnect=reconnect)
        return True


@mutant("disconnect-for-all", "disconnect needs a credential, but no scope", clause="OPS-8")
class DisconnectForAll(Routes):
    def require_operator(self, head: Head) -> Principal:
        return self.require(head)


@mutant("nodes-empty", "the report of the nodes lists no node", clause="OPS-9")
class NodesEmpty(Routes):
    def get_nodes(self, head: Head, body: bytes) -> Response:
        self.require_reader(head)
        return Response.json(200, {"nodes": [], "partial": False, "missingNodes": []})


@mutant("nodes-for-all", "the report of the nodes needs a credential, but no scope", clause="OPS-9")
class NodesForAll(Routes):
    def get_nodes(self, head: Head, body: bytes) -> Response:
        self.require(head)
        return Response.json(200, introspection.nodes(self.node))


class _NodesChanged(Routes):
    def change(self, figures: dict[str, Any]) -> None:
        raise NotImplementedError

    def get_nodes(self, head: Head, body: bytes) -> Response:
        response = super().get_nodes(head, body)
        report = json.loads(response.body)
        for figures in report["nodes"]:
            self.change(figures)
        return Response.json(200, report)


@mutant("nodes-hide-unsubscribed", "the report of the nodes does not name connections without a subscription", clause="OPS-9")
class NodesHideUnsubscribed(_NodesChanged):
    def change(self, figures: dict[str, Any]) -> None:
        figures.update(unsubscribed=[], unsubscribedCount=0)


@mutant("nodes-name-everyone", "the report of the nodes names every connection as one without a subscription", clause="OPS-9")
class NodesNameEveryone(_NodesChanged):
    def change(self, figures: dict[str, Any]) -> None:
        everyone = [introspection.unsubscribed(each) for each in self.node.connections]
        figures.update(unsubscribed=everyone, unsubscribedCount=len(everyone))


@mutant("nodes-count-nothing", "published and delivered events are not counted", clause="OPS-9")
class NodesCountNothing(_NodesChanged):
    def change(self, figures: dict[str, Any]) -> None:
        figures.update(published=0, delivered=0)
