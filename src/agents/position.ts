/** Converts between positions and their text form, which people and programs can pass on as one word. */
import type { Position } from '../../generated/client.ts';
import type { StreamPosition } from '../../generated/streams.ts';

/** The text form of an empty list of positions: no event was received, so reading begins before the first event of each stream. */
const START = 'start';

/** Reads `<epoch>:<sequenceId>`. @returns undefined if the text is not a position */
export function readPosition(text: string): Position | undefined {
  const [, epoch, sequenceId] = /^([^:]+):(\d+)$/.exec(text) ?? [];
  return epoch === undefined || !Number.isSafeInteger(Number(sequenceId))
    ? undefined
    : { epoch, sequenceId: Number(sequenceId) };
}

export function writePosition({ epoch, sequenceId }: Position): string {
  return `${epoch}:${sequenceId}`;
}

/** Reads `<stream>=<epoch>:<sequenceId>,…`, or `start`. @returns undefined if the text has another form */
export function readPositions(text: string): readonly StreamPosition[] | undefined {
  if (text === START) return [];
  const positions: StreamPosition[] = [];
  for (const each of text.split(/,(?=[^,=]+=)/)) {
    const [, stream, rest = ''] = /^([^=]+)=(.*)$/.exec(each) ?? [];
    const position = readPosition(rest);
    if (stream === undefined || position === undefined) return undefined;
    positions.push({ stream, ...position });
  }
  return positions;
}

export function writePositions(positions: readonly StreamPosition[]): string {
  if (positions.length === 0) return START;
  return positions.map((each) => `${each.stream}=${writePosition(each)}`).join(',');
}
