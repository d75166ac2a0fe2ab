/** Reads the processing time of another process. */
import { readFileSync, readdirSync } from 'node:fs';

/** Processing time of all threads of a process since its start, in microseconds. Linux only. */
export function cpuTimeUs(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce(
    (sum, task) => sum + Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]) / 1_000,
    0,
  );
}
