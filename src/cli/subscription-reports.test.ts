import { expect, test } from 'vitest';
import { noSubscriptionText } from './subscription-reports.ts';

test('a list without subscriptions claims nothing about nodes that did not answer', () => {
  const missingNodes = ['b'];
  expect(noSubscriptionText({}, { missingNodes })).toBe('The nodes that answered have no subscription.');
  expect(noSubscriptionText({ principal: 'user:ana', connection: 'c' }, { missingNodes })).toBe(
    'The nodes that answered have no subscription of user:ana on the connection c.',
  );
});
