/** Chooses the engine that receives the operating system's reports of file changes. */
import type { Engine } from './engine.ts';
import { NodeWatchEngine } from './node-watch.ts';

export interface ChosenEngine {
  readonly engine: Engine;
  readonly name: 'inotify' | 'fs.watch';
  /**
   * A file descriptor, if the wait of the engine blocks its thread. To end a wait, so that the thread can receive messages, write an
   * eight-byte number other than zero to it. Undefined if the thread can receive messages during a wait.
   */
  readonly bell: number | undefined;
  /** Ends a wait of an engine that has no `bell`. */
  readonly wake: () => void;
}

/**
 * Chooses inotify on Linux. Chooses `fs.watch` on other systems, and if the optional package koffi cannot be loaded.
 * @throws {Error} if the system has no free inotify instance or file descriptor
 */
export async function chooseEngine(): Promise<ChosenEngine> {
  const module = process.platform === 'linux' ? await import('./inotify.ts').catch(() => undefined) : undefined;
  if (module !== undefined) {
    const engine = new module.InotifyEngine();
    return { engine, name: 'inotify', bell: engine.bell, wake: () => undefined };
  }
  const engine = new NodeWatchEngine();
  return { engine, name: 'fs.watch', bell: undefined, wake: () => engine.wake() };
}
