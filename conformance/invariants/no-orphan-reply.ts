import type { Invariant } from '../trace/finding.ts';
import { isReply, typeOf } from '../trace/reading.ts';

/** No reply answers nothing: not twice the same command, not one that was never sent, not on another connection. */
export const noOrphanReply: Invariant = {
  id: 'invariants/no-orphan-reply',
  clauses: ['ENV-3'],
  why: 'Each reply answers exactly one command of its own connection and echoes its id.',
  look: ({ connections }, report) => {
    for (const { received, orphans, commands } of connections) {
      for (const frame of received) if (isReply(frame)) report.fire();
      for (const orphan of orphans) {
        const twin = commands.find(({ reply }) => reply?.text === orphan.text);
        report.violate(`this ${typeOf(orphan)} answers no command that is still open`, twin?.reply, orphan);
      }
    }
  },
};
