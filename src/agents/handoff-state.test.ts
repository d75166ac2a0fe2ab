import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { follow, isOpen, readStep } from './handoff-state.ts';
import type { LoggedStep, Offers, Step } from './handoff-state.ts';

const LEASE_MS = 100;
const offer = (id: string): Step => ({ step: 'offer', offer: id, task: { file: id }, leaseMs: LEASE_MS });
const take = (id: string): Step => ({ step: 'take', offer: id });
const held = (step: 'renew' | 'release' | 'done', id: string, fence: number): Step => ({ step, offer: id, fence });

/** The state after these steps, which are numbered from 1. */
function fold(steps: readonly (readonly [Step, number, string?])[]): Offers {
  return steps.reduce<Offers>(
    (offers, [step, at, actor = 'ana'], index) => follow(offers, { step, at, actor, sequenceId: index + 1 }),
    new Map(),
  );
}

describe('an offer', () => {
  test('goes to the first take after it, and to no later take within the lease', () => {
    const offers = fold([
      [offer('a'), 0],
      [take('a'), 10, 'ana'],
      [take('a'), 109, 'ben'],
    ]);
    expect(offers.get('a')).toMatchObject({ holder: { actor: 'ana', fence: 2, until: 110 }, isDone: false });
  });

  test('goes to the first take at or after the end of the lease, after which the old fence has no effect', () => {
    const steps = [
      [offer('a'), 0],
      [take('a'), 10, 'ana'],
      [take('a'), 110, 'ben'],
    ] as const;
    expect(fold(steps).get('a')?.holder).toEqual({ actor: 'ben', fence: 3, until: 210 });
    for (const step of ['renew', 'release', 'done'] as const)
      expect(fold([...steps, [held(step, 'a', 2), 120]])).toEqual(fold(steps));
  });

  test('stays with a holder who renews, also after the end of the lease if nobody has taken it', () => {
    const steps = [
      [offer('a'), 0],
      [take('a'), 10],
      [held('renew', 'a', 2), 150],
      [take('a'), 240, 'ben'],
    ] as const;
    expect(fold(steps).get('a')?.holder).toEqual({ actor: 'ana', fence: 2, until: 250 });
  });

  test('is offered again when it is released, and ends when it is done', () => {
    const released = fold([
      [offer('a'), 0],
      [take('a'), 10],
      [held('release', 'a', 2), 20],
    ]);
    expect(released.get('a')).toMatchObject({ holder: undefined, isDone: false });
    const steps = [
      [offer('a'), 0],
      [take('a'), 10],
      [held('done', 'a', 2), 20],
    ] as const;
    expect(fold(steps).get('a')).toMatchObject({ isDone: true, holder: { fence: 2 } });
    for (const step of [offer('a'), take('a'), held('renew', 'a', 2), held('release', 'a', 2), held('done', 'a', 2)])
      expect(fold([...steps, [step, 500]])).toEqual(fold(steps));
  });

  test('does not exist before it is made: an earlier take has no effect', () => {
    expect(
      fold([
        [take('a'), 0],
        [offer('a'), 10],
      ]).get('a')?.holder,
    ).toBeUndefined();
  });
});

describe('the step in the payload of an event', () => {
  const payloadWith = (details: unknown) => ({ sessionEvent: 'session_handoff', details });

  test('is read unchanged', () => {
    for (const step of [offer('a'), take('a'), held('done', 'a', 3), held('renew', 'a', 3), held('release', 'a', 3)])
      expect(readStep(payloadWith({ handoff: JSON.parse(JSON.stringify(step)) }))).toEqual(step);
  });

  test.each([
    undefined,
    {},
    { handoff: 'take' },
    { handoff: { step: 'take' } },
    { handoff: { step: 'take', offer: 7 } },
    { handoff: { step: 'offer', offer: 'a', leaseMs: 0 } },
    { handoff: { step: 'offer', offer: 'a', leaseMs: '5' } },
    { handoff: { step: 'offer', offer: 'a', leaseMs: 2 ** 31 } },
    { handoff: { step: 'offer', offer: 'a', leaseMs: 8.7e15 } },
    { handoff: { step: 'done', offer: 'a' } },
    { handoff: { step: 'steal', offer: 'a', fence: 1 } },
    { to: 'ben' },
  ])('is not recognised in the details %j', (details) => {
    expect(readStep(payloadWith(details))).toBeUndefined();
  });

  test('is not recognised in another session event, or in a payload that no gateway sends', () => {
    const details = { handoff: take('a') };
    for (const payload of [undefined, null, 7, 'session_handoff', [], { details }, { sessionEvent: 'other', details }])
      expect(readStep(payload)).toBeUndefined();
  });
});

const ids = fc.constantFrom('a', 'b');
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: ids.map(offer) },
  { weight: 4, arbitrary: ids.map(take) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('renew' as const, 'release' as const, 'done' as const),
        ids,
        fc.integer({ min: 1, max: 30 }),
      )
      .map(([step, id, fence]) => held(step, id, fence)),
  },
);
const anyLog = fc
  .array(fc.tuple(anyStep, fc.integer({ min: 0, max: 60 }), fc.constantFrom('ana', 'ben')), { maxLength: 30 })
  .map((entries) => {
    let at = 0;
    return entries.map(([step, passed, actor], index): LoggedStep => {
      at += passed;
      return { step, actor, at, sequenceId: index + 1 };
    });
  });

test('in every log, no two leases of an offer overlap, and only the latest fence has an effect', () => {
  fc.assert(
    fc.property(anyLog, (log) => {
      let offers: Offers = new Map();
      for (const logged of log) {
        const before = offers.get(logged.step.offer);
        offers = follow(offers, logged);
        const after = offers.get(logged.step.offer);
        if (before === after) continue;
        // A step that changed the state must be allowed by the rules.
        const { step } = logged;
        const isAllowed =
          step.step === 'offer'
            ? before === undefined
            : step.step === 'take'
              ? before !== undefined && isOpen(before, logged.at) && after?.holder?.fence === logged.sequenceId
              : before?.holder?.fence === step.fence && !before.isDone;
        expect(isAllowed).toBe(true);
      }
      const holders = [...offers.values()].flatMap(({ id, holder }) =>
        holder === undefined ? [] : [{ id, ...holder }],
      );
      const takes = holders.map(({ fence }) => log[fence - 1]);
      expect(takes).toMatchObject(holders.map(({ id, actor }) => ({ actor, step: { step: 'take', offer: id } })));
    }),
    { numRuns: 2_000, seed: 20_261_129 },
  );
});
