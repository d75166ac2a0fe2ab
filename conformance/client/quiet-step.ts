/** The step `quiet`: a time in which the client must do nothing. */
import { clockTimer } from '../target/timer.ts';
import type { Timer } from '../target/timer.ts';
import { asText } from '../trace/json.ts';
import type { QuietStep } from './tape.ts';
import type { ClientTapeState } from './tape-state.ts';

/** @throws {StepFailed} when the client connects or sends a command */
export async function quiet({ forMs, atMost, line }: QuietStep, state: ClientTapeState): Promise<void> {
  const { link, upgrades, programTime, options } = state;
  const known = link.commands.length;
  const began = options.now();
  const look = (): string | undefined => {
    if (upgrades.length > 0) return 'connected';
    // Pings are allowed, because a client may send them at any time.
    const [command] = link.commands.slice(known).filter(({ value }) => value['type'] !== 'ping');
    return command && `sent ${asText(command.value)}`;
  };
  let isProven = true;
  const timer: Timer = (limitMs, expire) => {
    const cancels = [programTime.silence(limitMs, expire)];
    if (atMost !== undefined)
      cancels.push(
        clockTimer(atMost, () => {
          isProven = false;
          expire();
        }),
      );
    return () => {
      for (const cancel of cancels) cancel();
    };
  };
  const disturbance = await state.signal.until(look, forMs, timer);
  if (disturbance !== undefined)
    state.fail({
      line,
      text: `the client ${disturbance}, which it must not do`,
      // With `atMost`, the tape sends heartbeats. The client may act because the suite sent a heartbeat too late.
      ...(atMost === undefined ? {} : { late: true }),
    });
  if (!isProven || !programTime.hasRunSince(began))
    state.doubts.push(`the program had too little processor time to prove that it does nothing for ${forMs} ms`);
  state.judged += 1;
}
