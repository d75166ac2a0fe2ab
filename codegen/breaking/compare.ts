/**
 * Compares two versions of a contract, assuming that the server is upgraded before the clients. The server must still
 * accept every value that old clients send (commands, HTTP requests, published payloads). The server must not send new
 * values to old clients (replies, pushes, events, HTTP responses). New fields and new events are the exception: clients
 * ignore fields and events that they do not know (ENV-4).
 */
import { ContractView, locationOf } from './contract-view.ts';
import type { ContractVersion } from './contract-view.ts';
import { compareEvents } from './events.ts';
import { compareFacts } from './facts.ts';
import { Findings } from './finding.ts';
import type { CompatibilityFinding, Draft, FindingSide, Severity } from './finding.ts';
import { objectAt, textAt } from './json.ts';
import { compareOperations } from './operations.ts';
import type { Versions } from './operations.ts';
import { compareRegistries } from './registries.ts';
import { SchemaRelation } from './schema-relation.ts';
import { CONNECTION } from '../raw.ts';

export type { ContractVersion };

/** @returns the differences that affect the wire, breaking ones first. */
export function compareContracts(before: ContractVersion, after: ContractVersion): CompatibilityFinding[] {
  const [was, now] = [new ContractView(before), new ContractView(after)];
  const relation = new SchemaRelation(was.schemas, now.schemas);
  const versions: Versions = { was, now, relation, findings: new Findings() };
  compareRoot(versions);
  compareOperations(versions);
  compareEvents(versions);
  compareRegistries(versions);
  const all = versions.findings.all.map(({ draft, usedBy }) => finding(draft, usedBy, before, after));
  return all.toSorted((a, b) => RANK[a.severity] - RANK[b.severity] || (a.now.line ?? 0) - (b.now.line ?? 0));
}

const RANK: Readonly<Record<Severity, number>> = { breaking: 0, warning: 1, compatible: 2 };

function finding(
  draft: Draft,
  usedBy: readonly string[],
  before: ContractVersion,
  after: ContractVersion,
): CompatibilityFinding {
  const side = (version: ContractVersion, { path, value }: Draft['was']): FindingSide => ({
    ...locationOf(version, path),
    value,
  });
  const { rule, severity, decided = true, direction, summary, reason } = draft;
  return {
    rule,
    severity,
    decided,
    direction,
    was: side(before, draft.was),
    now: side(after, draft.now),
    summary,
    reason,
    usedBy,
    tapes: [],
  };
}

/** Compares the address of the WebSocket, and its channel. */
function compareRoot({ was, now, findings }: Versions): void {
  const path = ['channels', CONNECTION, 'address'];
  const [before, after] = [textAt(was.document, ...path), textAt(now.document, ...path)];
  if (before !== after)
    findings.add({
      rule: 'address-changed',
      severity: 'breaking',
      direction: 'client-to-server',
      was: { path, value: before },
      now: { path, value: after },
      summary: `the address of the WebSocket changed from ${before ?? 'none'} to ${after ?? 'none'}`,
      reason: 'Clients of the old contract connect to the old address.',
    });
  const [old, next] = [objectAt(was.document, 'channels', CONNECTION), objectAt(now.document, 'channels', CONNECTION)];
  compareFacts(findings, {
    before: { path: ['channels', CONNECTION], raw: old },
    after: { path: ['channels', CONNECTION], raw: next },
    by: 'the connection',
  });
}
