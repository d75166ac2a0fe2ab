/** Computes the state of the work from the log of a session. A pure function, so that every agent gets the same state. */
import type { LoggedStep } from './session.ts';

export interface Work {
  /** All files to be changed. */
  readonly files: readonly string[];
  readonly done: readonly string[];
  /** The agent whose turn it is. */
  readonly holder: string | undefined;
  readonly finished: boolean;
}

export const NOTHING: Work = { files: [], done: [], holder: undefined, finished: false };

export function follow(work: Work, step: LoggedStep): Work {
  switch (step.sessionEvent) {
    case 'session_started':
      return { ...work, files: texts(step.details?.['files']), holder: step.actor };
    case 'modified':
      return { ...work, done: [...work.done, ...(step.changeInfo?.entityIds ?? [])] };
    case 'session_handoff':
      return { ...work, holder: texts([step.details?.['to']])[0] };
    case 'session_teardown':
      return { ...work, holder: undefined, finished: true };
    default:
      return work;
  }
}

export function remaining({ files, done }: Work): readonly string[] {
  return files.filter((file) => !done.includes(file));
}

/** `details` may have any form, because another program wrote it. */
function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
