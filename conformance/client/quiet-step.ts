/** The step `quiet`: a time in which the client must do nothing. */
import { clockTimer } from '../target/timer.ts';
import type { Timer } from '../target/timer.ts';
import { asText } from '../trace/json.ts';
import type { QuietStep } from './tape.ts';
import type { Stage } from './tape-state.ts';

/** @throws {StepFailed} when the client connects or sends a command */
export async function quiet({ forMs, atMost, line }: QuietStep, stage: Stage): Promise<void> {
  const { link, upgrades, vitals, options } = stage;
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
    const cancels = [vitals.silence(limitMs, expire)];
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
  const disturbance = await stage.signal.until(look, forMs, timer);
  if (disturbance !== undefined)
    stage.fail({
      line,
      text: `the client ${disturbance}, which it must not`,
      // The suite may have sent a heartbeat too late.
      ...(atMost === undefined ? {} : { late: true }),
    });
  if (!isProven || !vitals.hasRunSince(began))
    stage.doubts.push(`the program had too little processor time to prove that it does nothing for ${forMs} ms`);
  stage.judged += 1;
}
