import type { Invariant } from '../trace/finding.ts';
import { typeOf } from '../trace/reading.ts';
import { COMMANDS } from '../../generated/protocol.ts';
import type { CommandName } from '../../generated/protocol.ts';
import { commandValidators } from '../../generated/validators.js';
import { quietFrame } from './quiet.ts';

function isCommand(type: string): type is CommandName {
  return Object.hasOwn(commandValidators, type);
}

/** Every command gets a reply of its type, unless the connection ends first. */
export const oneReply: Invariant = {
  id: 'invariants/one-reply',
  clauses: ['ENV-3'],
  why: 'Every command, with or without an id, is answered by its reply or by an error.',
  check: ({ connections, trace }, report) => {
    const quiet = quietFrame(trace);
    for (const { commands, closed, left } of connections)
      for (const { frame, type, reply, malformed } of commands) {
        report.fire();
        const end = closed ?? left;
        if (reply === undefined) {
          if (frame.n < quiet && (end === undefined || end.n > quiet))
            report.violate(`the ${malformed ? 'malformed message' : type} was never answered`, frame);
          continue;
        }
        // A message that is invalid on purpose must be rejected. A tape may mark a valid message as invalid, so the
        // validator decides.
        if (malformed && isCommand(type) && typeOf(reply) !== 'error' && !commandValidators[type](frame.json)) {
          report.violate(`a malformed ${type} was accepted`, frame, reply);
          continue;
        }
        const own = Object.hasOwn(COMMANDS, type) ? COMMANDS[type as keyof typeof COMMANDS].reply : 'error';
        if (typeOf(reply) !== 'error' && typeOf(reply) !== own)
          report.violate(`${type} was answered by ${typeOf(reply)}`, frame, reply);
      }
  },
};
