/**
 * Compares two ways of finding the subscriptions that match an event: by the index, and by a scan of all groups of equal filters. Both run
 * on the same events in alternating rounds (A B A B …), so that a busy machine slows both equally. The results are medians.
 *
 *     node bench/matching.ts [subscriptions, default 10000] [wild]
 *
 * With `wild`, every tenth subscription has a pattern that begins with a wildcard.
 */
import { compileFilter } from '../src/subscriptions/filter.ts';
import { EventFacts } from '../src/subscriptions/event-facts.ts';
import type { Matchable } from '../src/subscriptions/event-facts.ts';
import type { FilterSpec } from '../src/subscriptions/filter.ts';
import { stockCatalogue } from '../src/catalogue/catalogue.ts';
import { SubscriptionIndex } from '../src/subscriptions/subscription-index.ts';

const ROUNDS = 9;
const EVENTS_PER_ROUND = 100;

const count = Number(process.argv[2] ?? 10_000);
const wild = process.argv[3] === 'wild';
const WILD: readonly ((n: number) => string)[] = [
  (n) => `*/p${n % 997}/**/*.test.ts`,
  (n) => `**/part${n % 31}/*/file${n}.*`,
  (n) => `*/docs/chapter-${n % 89}/*.md`,
];

/**
 * Typical subscriptions of IDEs and agents. Most filter by one directory, some by extension, glob, session or entity
 * type.
 */
function specAt(n: number): FilterSpec {
  const directory = `packages/p${n % 997}/src/part${n % 31}`;
  if (wild && n % 10 === 9)
    return { events: ['file_change', 'entity_*'], filter: { paths: [WILD[n % 3]?.(n) ?? '*'] } };
  switch (n % 8) {
    case 0:
      return { events: ['file_change'], filter: { paths: [directory], extensions: ['.ts', '.tsx'] } };
    case 1:
      return { events: ['file_change'], filter: { paths: [`${directory}/**/*.test.ts`] } };
    case 2:
      return { events: ['entity_*'], filter: { paths: [directory] } };
    case 3:
      return { events: ['session_event'], filter: { sessionIds: [`session-${n}`] } };
    case 4:
      return { events: ['entity_created', 'entity_updated'], filter: { entityTypes: [`type-${n % 211}`] } };
    case 5:
      return { events: ['*'], filter: { paths: [`packages/p${n % 997}`], sources: [`source-${n % 7}`] } };
    case 6:
      return { events: [`build.step_${n % 503}`], filter: {} };
    default:
      return {
        events: ['file_change', 'graph_update'],
        filter: { paths: [`docs/chapter-${n % 89}`, `${directory}/api`] },
      };
  }
}

function eventAt(n: number): Matchable {
  const source = { name: `source-${n % 7}`, principal: 'service:bench' };
  const path = `packages/p${(n * 17) % 997}/src/part${(n * 5) % 31}/deep/file${n}.test.ts`;
  switch (n % 4) {
    case 0:
      return { event: 'file_change', source, payload: { path, root: 'shop', changeType: 'modify', fileType: 'file' } };
    case 1:
      return {
        event: 'entity_updated',
        source,
        payload: { id: `e${n}`, entityType: `type-${n % 211}`, name: 'f', path },
      };
    case 2:
      return {
        event: 'session_event',
        source,
        payload: { sessionId: `session-${n * 8 + 3}`, sessionEvent: 'modified' },
      };
    default:
      return { event: `build.step_${n % 503}`, source, payload: {} };
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Measures the CPU time per event in microseconds, and counts the matches. */
function measure(match: (event: Matchable) => number, from: number): { readonly us: number; readonly matches: number } {
  const events = Array.from({ length: EVENTS_PER_ROUND }, (_, n) => eventAt(from + n));
  const start = process.cpuUsage();
  let matches = 0;
  for (const event of events) matches += match(event);
  const { user, system } = process.cpuUsage(start);
  return { us: (user + system) / EVENTS_PER_ROUND, matches };
}

const index = new SubscriptionIndex<number, Set<number>>(stockCatalogue, () => new Set());
const groups = new Map<string, { readonly matches: (facts: EventFacts) => boolean; members: number }>();
for (let n = 0; n < count; n += 1) {
  const spec = specAt(n);
  index.add(spec, n);
  const key = JSON.stringify(spec);
  const group = groups.get(key) ?? { matches: compileFilter(spec, stockCatalogue), members: 0 };
  group.members += 1;
  groups.set(key, group);
}

const byIndex = (event: Matchable): number => index.match(event).reduce((sum, { size }) => sum + size, 0);
function byScan(event: Matchable): number {
  let matches = 0;
  const facts = new EventFacts(event, stockCatalogue);
  for (const group of groups.values()) if (group.matches(facts)) matches += group.members;
  return matches;
}

const rounds = Array.from({ length: ROUNDS }, (_, round) => {
  const from = round * EVENTS_PER_ROUND;
  const indexed = measure(byIndex, from);
  const scanned = measure(byScan, from);
  if (indexed.matches !== scanned.matches)
    throw new Error(
      `The index found ${indexed.matches} matches, but the scan found ${scanned.matches}; they must be equal.`,
    );
  return { index: indexed.us, scan: scanned.us, matches: indexed.matches / EVENTS_PER_ROUND };
});
const [indexUs, scanUs, matches] = [
  median(rounds.map((each) => each.index)),
  median(rounds.map((each) => each.scan)),
  median(rounds.map((each) => each.matches)),
];
console.log(`${count} subscriptions in ${groups.size} groups, ${matches.toFixed(1)} matches per event`);
console.log(
  `index  ${indexUs.toFixed(1)} µs CPU per event, ${(index.checks / ROUNDS / EVENTS_PER_ROUND).toFixed(1)} filters checked`,
);
console.log(`scan   ${scanUs.toFixed(1)} µs CPU per event, ${groups.size} filters checked`);
console.log(`ratio  ${(indexUs / scanUs).toFixed(4)} (scan = 1; ${ROUNDS} interleaved rounds, medians)`);
