import type { Invariant } from '../trace/finding.ts';
import { isReply, typeOf } from '../trace/reading.ts';

/** Every reply belongs to a command of the same connection, and no command is answered twice. */
export const noOrphanReply: Invariant = {
  id: 'invariants/no-orphan-reply',
  clauses: ['ENV-3'],
  why: 'Each reply answers exactly one command of its own connection and echoes its id.',
  check: ({ connections }, report) => {
    for (const { received, orphans, commands } of connections) {
      for (const frame of received) if (isReply(frame)) report.fire();
      for (const orphan of orphans) {
        const twin = commands.find(({ reply }) => reply?.text === orphan.text);
        report.violate(`this ${typeOf(orphan)} matches no unanswered command`, twin?.reply, orphan);
      }
    }
  },
};
