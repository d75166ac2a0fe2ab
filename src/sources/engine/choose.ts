/** The engine for this machine. */
import type { Engine } from './engine.ts';
import { NodeWatchEngine } from './node-watch.ts';

export interface ChosenEngine {
  readonly engine: Engine;
  readonly name: 'inotify' | 'fs.watch';
  /** A descriptor that ends a wait of the engine when eight bytes are written to it; without one, the event loop of its thread ends the wait. */
  readonly bell: number | undefined;
  readonly wake: () => void;
}

/**
 * inotify on Linux; `fs.watch` elsewhere, and if the optional package koffi does not load.
 * @throws {Error} when the system has no inotify instance or no descriptor left
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
