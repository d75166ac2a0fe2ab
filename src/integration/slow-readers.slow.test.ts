import { expect, test } from 'vitest';
import { firstViolation } from '../testing/slow-readers/schedule.ts';

const SCHEDULES = 100_000;

test(`in ${SCHEDULES} schedules of slow readers, order is kept, heartbeats are correct and no resume loses an event`, async () => {
  expect(await firstViolation(SCHEDULES)).toBeUndefined();
}, 3_600_000);
