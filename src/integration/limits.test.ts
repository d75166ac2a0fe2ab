/**
 * Tests every limit of the contract. The limit is set low. Then `welcome` and the metrics must report it, and exceeding it must be refused
 * as the contract requires. A limit without a case is a compile error.
 */
import { describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../generated/protocol.ts';
import type { LimitName } from '../../generated/protocol.ts';
import { resolveLimits } from '../options.ts';
import type { Limits } from '../options.ts';
import { CONNECTION_LIMITS } from '../testing/limits/connection-limits.ts';
import { HISTORY_LIMITS } from '../testing/limits/history-limits.ts';
import { Rig } from '../testing/limits/limit-case.ts';
import type { Case } from '../testing/limits/limit-case.ts';
import { MESSAGE_LIMITS } from '../testing/limits/message-limits.ts';
import { PATIENCE } from '../testing/rig.ts';

const CASES: Readonly<Record<LimitName, Case>> = { ...MESSAGE_LIMITS, ...CONNECTION_LIMITS, ...HISTORY_LIMITS };

const names = Object.keys(LIMITS) as LimitName[];

describe('the limit', () => {
  test.each(names)('%s is reported and enforced', async (name) => {
    const { low, with: others = {}, options = {}, pass, outcome } = CASES[name];
    expect(low).toBeGreaterThanOrEqual(LIMITS[name].minimum);
    expect(low).toBeLessThan(LIMITS[name].default);
    const rig = await Rig.start({ ...options, limits: { ...others, [name]: low } });
    const metrics = await (await fetch(`${rig.httpUrl}/metrics`)).text();
    expect(metrics).toContain(`tidemark_limit{name="${name}"} ${low}\n`);
    const witness = await rig.connect();
    const welcome = await witness.find((each) => each.type === 'welcome');
    expect(welcome.data['limits']).toEqual({ ...resolveLimits(), ...others, [name]: low });
    const mayStay = name === 'connectionsPerNode' || name === 'connectionsPerAddress' || name === 'acceptsPerSecond';
    if (mayStay) witness.close();
    await vi.waitFor(() => expect(rig.gateway.health().connections).toBe(mayStay ? 0 : 1), PATIENCE);
    expect({ outcome: await pass(rig) }).toMatchObject({ outcome });
  });

  test.each(names)('%s outside its bounds is refused, with an error that names the limit', (name) => {
    const { minimum, maximum } = LIMITS[name];
    expect(resolveLimits({ [name]: minimum })[name]).toBe(minimum);
    expect(resolveLimits({ [name]: maximum })[name]).toBe(maximum);
    for (const bad of [minimum - 1, maximum + 1, minimum + 0.5, Number.NaN, Infinity])
      expect(() => resolveLimits({ [name]: bad })).toThrow(`The limit ${name} is ${bad}`);
  });

  test.each<[LimitName, Partial<Limits>, string, Record<string, unknown>]>([
    ['patternLength', {}, 'subscribe', { events: ['file_change'], filter: { paths: ['x'.repeat(4096)] } }],
    [
      'patternsPerFilterField',
      {},
      'subscribe',
      { events: ['file_change'], filter: { paths: Array.from({ length: 1024 }, (_, n) => `p${n}`) } },
    ],
    ['eventsPerSubscription', {}, 'subscribe', { events: Array.from({ length: 1024 }, (_, n) => `e${n}`) }],
    [
      'payloadBytes',
      { inboundMessageBytes: 16_777_216, sendQueueBytes: 2 ** 30 },
      'broadcast',
      { stream: 'main', event: 'tick', payload: { text: 'x'.repeat(1_000_000) } },
    ],
  ])('%s can be raised to its maximum, which is then enforced', async (name, others, command, data) => {
    const rig = await Rig.start({ limits: { ...others, [name]: LIMITS[name].maximum } });
    const client = await rig.connect();
    expect((await client.call(command, data)).type).not.toBe('error');
  });
});
