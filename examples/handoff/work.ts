/** What the log of a session says about the work: a pure fold, so that every agent comes to the same picture. */
import type { Said } from './session.ts';

export interface Work {
  /** All that is to be done. */
  readonly files: readonly string[];
  readonly done: readonly string[];
  /** Whose turn it is. */
  readonly holder: string | undefined;
  readonly finished: boolean;
}

export const NOTHING: Work = { files: [], done: [], holder: undefined, finished: false };

export function follow(work: Work, said: Said): Work {
  switch (said.sessionEvent) {
    case 'session_started':
      return { ...work, files: texts(said.details?.['files']), holder: said.actor };
    case 'modified':
      return { ...work, done: [...work.done, ...(said.changeInfo?.entityIds ?? [])] };
    case 'session_handoff':
      return { ...work, holder: texts([said.details?.['to']])[0] };
    case 'session_teardown':
      return { ...work, holder: undefined, finished: true };
    default:
      return work;
  }
}

export function remaining({ files, done }: Work): readonly string[] {
  return files.filter((file) => !done.includes(file));
}

/** `details` is free: whatever stands there was put there by another program. */
function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
