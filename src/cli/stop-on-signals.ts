/** How `serve` ends: readiness first, then the drain (CON-5), then the process. A second signal ends it at once. */
import type { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway } from '../gateway.ts';
import type { WatchedDirectory } from '../sources/watched-directory.ts';
import type { AuditFile } from './audit-file.ts';
import { EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';
import type { Talk } from './log.ts';

export interface StopOptions {
  /** Emits `SIGINT` and `SIGTERM`: this process, or the link to the primary process of several workers. */
  readonly signals: EventEmitter;
  readonly gateway: Gateway;
  readonly watching: readonly WatchedDirectory[];
  readonly audit: AuditFile | undefined;
  /**
   * Time from SIGTERM until the drain, in milliseconds. During this time a balancer that probes `/readyz` stops sending clients to this
   * node. Ctrl-C (SIGINT) does not wait, because a gateway in a terminal has no balancer.
   */
  readonly delayMs: number;
  readonly talk: Talk;
}

export interface Stop {
  /** Stops the parts that have started after a failed start. */
  abandon(): Promise<void>;
}

export function stopOnSignals({ signals, gateway, watching, audit, delayMs, talk }: StopOptions): Stop {
  let stopping = false;
  const end = async (options: { readonly drainMs?: number } = {}): Promise<void> => {
    // `/readyz` answers 503 from now on, before anything else ends.
    const closed = gateway.close(options);
    await Promise.all([closed, ...watching.map((each) => each.close())]);
    await audit?.close();
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (signal === 'SIGTERM' && delayMs > 0) {
      gateway.announceClose();
      talk.info(`SIGTERM: /readyz answers 503; draining in ${delayMs / 1000} s; signal again to exit immediately`);
      await sleep(delayMs);
    }
    talk.info(`${signal}: draining; signal again to exit immediately`);
    await end();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    process.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
    if (stopping) {
      talk.warn('exiting immediately');
      void gateway.close({ drainMs: 0 });
      // Does not wait for anything, for example a broker that does not answer.
      process.exit();
    }
    stopping = true;
    stop(signal).then(
      () => process.exit(),
      (error: unknown) => {
        talk.error(`The gateway did not stop cleanly: ${reasonOf(error)}`);
        process.exit(EXIT.runtime);
      },
    );
  };
  signals.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return { abandon: () => end({ drainMs: 0 }) };
}
