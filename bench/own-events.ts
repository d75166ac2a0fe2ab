/**
 * Compares the cost of a stock event with the cost of a team's own event: `node bench/own-events.ts [subscriptions]`.
 *
 * The stock event is `entity_created`. The other event has the same payload, filter field and replay policy. Each payload is validated,
 * matched with subscriptions that filter by a field of the event, and delivered. Rounds alternate, so that other work on the machine slows
 * both.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTo } from '../codegen/own-events/built-form.ts';
import { openContract } from '../codegen/own-events/open.ts';
import { catalogueOf, loadContract } from '../src/catalogue/built-contract.ts';
import { MemoryBroker } from '../src/broker/memory.ts';
import type { EventRecord } from '../src/broker/broker.ts';
import { eventTable } from '../src/catalogue/event-table.ts';
import { resolveLimits } from '../src/options.ts';
import { Counters } from '../src/introspection/counters.ts';
import { Publisher } from '../src/publishing/publisher.ts';
import { Audit } from '../src/auth/audit.ts';
import { GATEWAY_PRINCIPAL } from '../src/auth/principal.ts';
import { SubscriptionIndex } from '../src/subscriptions/subscription-index.ts';

const ROUNDS = 20;
const EVENTS = 5_000;

/** Declares an event with the same payload as `EntityCreatedPayload` of the stock contract. */
const DOCUMENT = `asyncapi: 3.0.0
info: { title: Bench, version: 1.0.0 }
x-extends: tidemark
components:
  messages:
    thing_created:
      summary: As entity_created.
      x-replay: { policy: latest-per-key, key: /payload/id }
      x-filterable: { thingTypes: [/payload/entityType], paths: [/payload/path], extensions: [/payload/path] }
      payload:
        type: object
        required: [id, entityType, name]
        properties:
          id: { type: string, minLength: 1, maxLength: 1024 }
          entityType: { type: string, minLength: 1, maxLength: 128 }
          name: { type: string, maxLength: 1024 }
          path: { $ref: '#/components/schemas/RelativePath' }
`;

const KINDS = [
  { event: 'entity_created', field: 'entityTypes' },
  { event: 'thing_created', field: 'thingTypes' },
] as const;

const count = Number(process.argv[2] ?? 10_000);
const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
writeFileSync(join(directory, 'events.yaml'), DOCUMENT);
await buildTo(await openContract(join(directory, 'events.yaml')), join(directory, 'built'));
const catalogue = catalogueOf(await loadContract(join(directory, 'built')));
rmSync(directory, { recursive: true });

const limits = resolveLimits();
const index = new SubscriptionIndex<number, Set<number>>(catalogue, () => new Set());
for (let n = 0; n < count; n += 1)
  for (const { event, field } of KINDS) index.add({ events: [event], filter: { [field]: [`type-${n % 500}`] } }, n);
let matched = 0;
const broker = new MemoryBroker({ limits, now: Date.now, events: eventTable({}, catalogue) });
await broker.start({
  nodeId: 'bench',
  onEvent: (record: EventRecord) => (matched += index.match(record).reduce((sum, { size }) => sum + size, 0)),
  onLoss: () => undefined,
  onUnnamedLoss: () => undefined,
  onSourceLoss: () => undefined,
  onEnded: () => undefined,
  onHealth: () => undefined,
  onQuestion: () => undefined,
});
await broker.attach('main');
const publisher = new Publisher({ broker, catalogue, limits, audit: new Audit(), counters: new Counters() });
const origin = { name: 'host', principal: GATEWAY_PRINCIPAL, pointers: { payload: '', stream: '' } } as const;

/** Measures the CPU time per event in microseconds, and the number of matching subscriptions. */
async function measure(event: string): Promise<{ readonly us: number; readonly matches: number }> {
  const before = matched;
  const start = process.cpuUsage();
  for (let n = 0; n < EVENTS; n += 1) {
    const payload = { id: `e${n % 1000}`, entityType: `type-${n % 500}`, name: 'thing', path: `src/a/file-${n}.ts` };
    await publisher.publish({ stream: 'main', event, payload }, origin);
  }
  const { user, system } = process.cpuUsage(start);
  return { us: (user + system) / EVENTS, matches: (matched - before) / EVENTS };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

for (const { event } of KINDS) await measure(event);
const rounds: { readonly stock: number; readonly own: number }[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  // In alternating rounds, one or the other event is measured first.
  const order = round % 2 === 0 ? KINDS : KINDS.toReversed();
  const [first, second] = [await measure(order[0].event), await measure(order[1].event)];
  if (first.matches !== second.matches)
    throw new Error(`The two events have ${first.matches} and ${second.matches} matches; they must be equal.`);
  const [stock, own] = round % 2 === 0 ? [first, second] : [second, first];
  rounds.push({ stock: stock.us, own: own.us });
}
const [stock, own] = [median(rounds.map((each) => each.stock)), median(rounds.map((each) => each.own))];
console.log(
  `${count} subscriptions to each event, ${ROUNDS} interleaved rounds of ${EVENTS} events, medians of CPU time`,
);
console.log(`stock  ${stock.toFixed(2)} µs per event (entity_created)`);
console.log(`own    ${own.toFixed(2)} µs per event (thing_created)`);
console.log(`ratio  ${(own / stock).toFixed(3)} (own / stock)`);
