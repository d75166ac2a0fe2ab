/** The faults that the mock causes at present, on connections, commands and events. */
import type { CLOSE_CODES, ERRORS } from '../../generated/protocol.ts';

export type CloseName = keyof typeof CLOSE_CODES;
export type ErrorCode = keyof typeof ERRORS;

export interface CommandRefusal {
  readonly command: string;
  readonly code: ErrorCode;
  readonly retryAfterMs?: number;
  times: number;
}

export interface UpgradeRefusal {
  readonly status: number;
  times: number;
}

/** How many of the next events each connection loses, and whether the loss is reported by a `gap`. */
export interface Loss {
  readonly kind: 'gap' | 'silent';
  readonly count: number;
  /**
   * A serial number, which increases with each `lose` and `reset`. When a connection sees a new number, it starts to lose `count` events.
   */
  readonly serial: number;
}

export class Faults {
  /** How long each message from the server is delayed, in milliseconds. */
  delayMs = 0;
  /** The maximum of a random delay that is added to `delayMs`, in milliseconds. */
  jitterMs = 0;
  /** The time until which nothing is sent to clients, in milliseconds since the Unix epoch. */
  silentUntil = 0;
  loss: Loss = { kind: 'gap', count: 0, serial: 0 };
  readonly commands: CommandRefusal[] = [];
  readonly upgrades: UpgradeRefusal[] = [];

  lose(kind: Loss['kind'], count: number): void {
    this.loss = { kind, count, serial: this.loss.serial + 1 };
  }

  /** The status with which the next upgrade must be refused; undefined if it is accepted. The call counts as one use of the refusal. */
  takeUpgrade(): number | undefined {
    return take(this.upgrades, () => true)?.status;
  }

  /** The refusal of a command; undefined if the command is accepted. The call counts as one use of the refusal. */
  takeCommand(command: string): CommandRefusal | undefined {
    return take(this.commands, (each) => each.command === command || each.command === '*');
  }

  reset(): void {
    this.delayMs = 0;
    this.jitterMs = 0;
    this.silentUntil = 0;
    this.loss = { kind: 'gap', count: 0, serial: this.loss.serial + 1 };
    this.commands.splice(0);
    this.upgrades.splice(0);
  }
}

function take<T extends { times: number }>(list: T[], fits: (item: T) => boolean): T | undefined {
  const index = list.findIndex(fits);
  const item = list[index];
  if (item === undefined) return undefined;
  item.times -= 1;
  if (item.times <= 0) list.splice(index, 1);
  return item;
}
