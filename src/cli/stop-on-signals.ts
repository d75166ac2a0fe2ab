/**
 * Shuts down `serve` on a signal. First `/readyz` answers 503, then the gateway drains (CON-5), then the process exits. A second signal
 * exits immediately.
 */
import type { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway } from '../gateway.ts';
import type { WatchedDirectory } from '../sources/watched-directory.ts';
import type { AuditFile } from './audit-file.ts';
import { EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';
import type { Notices } from './log.ts';

export interface StopOptions {
  /** Emits `SIGINT` and `SIGTERM`. It is this process or, in a worker, the link to the primary process. */
  readonly signals: EventEmitter;
  readonly gateway: Gateway;
  readonly watching: readonly WatchedDirectory[];
  readonly audit: AuditFile | undefined;
  /**
   * Time from SIGTERM until the drain, in milliseconds. During this time, a load balancer that probes `/readyz` stops sending clients to
   * this node. SIGINT (Ctrl-C) does not wait, because a gateway in a terminal has no load balancer.
   */
  readonly delayMs: number;
  readonly notices: Notices;
}

export interface Stop {
  /** Called after a failed start: stops the parts that have already started. */
  abandon(): Promise<void>;
}

export function stopOnSignals({ signals, gateway, watching, audit, delayMs, notices }: StopOptions): Stop {
  let stopping = false;
  const end = async (options: { readonly drainMs?: number } = {}): Promise<void> => {
    // When the gateway starts to close, `/readyz` answers 503 at once, before any connection is closed.
    const closed = gateway.close(options);
    await Promise.all([closed, ...watching.map((each) => each.close())]);
    await audit?.close();
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (signal === 'SIGTERM' && delayMs > 0) {
      gateway.announceClose();
      notices.info(`SIGTERM: /readyz answers 503; draining in ${delayMs / 1000} s; signal again to exit immediately`);
      await sleep(delayMs);
    }
    notices.info(`${signal}: draining; signal again to exit immediately`);
    await end();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    process.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
    if (stopping) {
      notices.warn('exiting immediately');
      void gateway.close({ drainMs: 0 });
      // Exit now: a broker that does not answer, for example, would delay the end.
      process.exit();
    }
    stopping = true;
    stop(signal).then(
      () => process.exit(),
      (error: unknown) => {
        notices.error(`The gateway did not stop cleanly: ${reasonOf(error)}`);
        process.exit(EXIT.runtime);
      },
    );
  };
  signals.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return { abandon: () => end({ drainMs: 0 }) };
}
