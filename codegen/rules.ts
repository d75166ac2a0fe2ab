/**
 * The house rules: requirements for a contract in addition to those of AsyncAPI. Every finding names the rule, the
 * place and the remedy.
 */
import type { RawContract } from './raw.ts';
import { CIRCULAR_REFERENCE_RULES } from './rules/circular-references.ts';
import { CODE_RULES } from './rules/codes.ts';
import { EVENT_RULES } from './rules/events.ts';
import { MESSAGE_RULES } from './rules/messages.ts';
import { NAME_RULES } from './rules/names.ts';
import { OPERATION_RULES } from './rules/operations.ts';
import { REQUIREMENT_RULES } from './rules/requirements.ts';
import type { Rule } from './rules/rule.ts';
import { REFERENCE_RULES, SCHEMA_RULES } from './rules/schemas.ts';
import { toPointer } from './source.ts';
import type { Finding, Source } from './source.ts';

export const RULES: Readonly<Record<string, Rule>> = {
  ...REFERENCE_RULES,
  ...CIRCULAR_REFERENCE_RULES,
  ...NAME_RULES,
  ...SCHEMA_RULES,
  ...MESSAGE_RULES,
  ...OPERATION_RULES,
  ...EVENT_RULES,
  ...CODE_RULES,
  ...REQUIREMENT_RULES,
};

/** Rules whose findings may be consequences of a wrong name elsewhere. Their findings come last. */
const CONSEQUENCES: ReadonlySet<string> = new Set(['schema-unused', 'message-used', 'message-example', 'clause-cited']);

/** Rules that must be satisfied before any other rule can be checked. */
const FOUNDATIONS: ReadonlySet<string> = new Set(['schema-ref', 'schema-circle']);

/** Expects a contract that {@link checkExtensions} has accepted. */
export function lint(source: Source): Finding[] {
  const raw = source.value as RawContract;
  const findings: Finding[] = [];
  for (const [rule, check] of Object.entries(RULES)) {
    check(raw, (path, text) => findings.push({ rule, pointer: toPointer(path), line: source.lineOf(path), text }));
    // Most rules follow references, so if references are broken or circular, only these findings are reported.
    if (FOUNDATIONS.has(rule) && findings.length > 0) return findings;
  }
  const follows = ({ rule }: Finding): number => Number(CONSEQUENCES.has(rule));
  return findings.toSorted((a, b) => follows(a) - follows(b));
}
