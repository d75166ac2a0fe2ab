/** Converts between a position and its text form `<epoch>:<sequenceId>`, which people and programs can pass on as one word. */
import type { Position } from '../../generated/client.ts';

/** @returns undefined if the text is not a position */
export function readPosition(text: string): Position | undefined {
  const [, epoch, sequenceId] = /^([^:]+):(\d+)$/.exec(text) ?? [];
  return epoch === undefined || !Number.isSafeInteger(Number(sequenceId))
    ? undefined
    : { epoch, sequenceId: Number(sequenceId) };
}

export function writePosition({ epoch, sequenceId }: Position): string {
  return `${epoch}:${sequenceId}`;
}
