import type { Invariant } from '../trace/finding.ts';
import { typeOf } from '../trace/reading.ts';

/** Every connection begins with `welcome` and receives it only once. */
export const welcomeFirst: Invariant = {
  id: 'invariants/welcome-first',
  clauses: ['CON-2'],
  why: 'The first message of every connection is welcome, and there is no second one.',
  check: ({ connections }, report) => {
    for (const { received } of connections) {
      const [first] = received;
      if (first === undefined) continue;
      report.fire();
      if (typeOf(first) !== 'welcome') report.violate(`the connection began with ${typeOf(first)}`, first);
      const second = received.find((frame) => frame.n > first.n && typeOf(frame) === 'welcome');
      if (second !== undefined) report.violate('a second welcome was sent', first, second);
    }
  },
};
