/** Runs the `control` steps of tapes: commands that make the target do something. */
import { CommandError, runCommand } from '../target/command.ts';
import type { ControlStep } from '../tape/tape.ts';
import { UntestableError } from './context.ts';
import type { TapeState } from './tape-state.ts';

/** Runs a command of the configuration and waits until it exits. Tapes that shut the target down do so together. */
export function control(step: ControlStep, state: TapeState): Promise<void> {
  const { shutdown } = state.context;
  const run = (): Promise<void> => runControl(step, state);
  return step.name === 'shutdown' && shutdown !== undefined ? shutdown.reach(run) : run();
}

async function runControl(step: ControlStep, state: TapeState): Promise<void> {
  const command = state.context.config.control[step.name];
  if (!isCommand(command))
    throw new UntestableError(`the configuration has no control command ${step.name}; add it under "control"`);
  try {
    await runCommand(command);
  } catch (error) {
    if (error instanceof CommandError) throw new UntestableError(`${step.name}: ${error.message}`);
    throw error;
  }
}

function isCommand(command: readonly string[] | undefined): command is readonly [string, ...string[]] {
  return command !== undefined && command.length > 0;
}
