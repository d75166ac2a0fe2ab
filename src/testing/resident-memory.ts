/** Reads how much memory of a process is in RAM. Works only on Linux. */
import { readFileSync } from 'node:fs';

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (cause) {
    throw unreadable(pid, cause);
  }
}

function unreadable(pid: number, cause?: unknown): Error {
  const text = `The resident memory of process ${pid} cannot be read: the process has ended, or this system is not Linux.`;
  return new Error(text, { cause });
}

/** The resident memory of a process, in MiB. @throws {Error} if the process has ended */
export function residentMebibytes(pid: number): number {
  // If a process has ended, but its parent has not waited for it yet, its status has no VmRSS.
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(statusOf(pid)) ?? [];
  if (kibibytes === undefined) throw unreadable(pid);
  return Number(kibibytes) / 1024;
}
