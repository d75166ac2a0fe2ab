/**
 * The examples for `broadcast --example`. They come from the contract of the gateway or, if that is unavailable, from the contract of this
 * version.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { BroadcastData } from '../../generated/types.ts';
import { documentUrl } from './remote.ts';
import { MAXIMUM_CONTRACT_BYTES, readText } from './response-text.ts';

interface BundledMessage {
  readonly 'x-event'?: string;
  readonly examples?: readonly { readonly name: string; readonly payload: unknown }[];
}

interface Bundle {
  readonly components: { readonly messages: Readonly<Record<string, BundledMessage>> };
}

/** Examples that can be published, by name. */
export type Examples = ReadonlyMap<string, BroadcastData>;

const PATIENCE_MS = 3_000;

export function bundledExamples(): Examples {
  return examplesOf(
    JSON.parse(readFileSync(new URL('../../generated/contract.json', import.meta.url), 'utf8')) as Bundle,
  );
}

/** Reads the examples from the contract of a gateway. @returns undefined if the gateway does not return a contract in time */
export async function gatewayExamples(url: string): Promise<Examples | undefined> {
  try {
    const answer = await fetch(documentUrl(url, '/asyncapi.yaml'), { signal: AbortSignal.timeout(PATIENCE_MS) });
    const text = answer.ok ? await readText(answer.body, MAXIMUM_CONTRACT_BYTES) : undefined;
    return text === undefined ? undefined : examplesOf(parse(text, { merge: true, maxAliasCount: -1 }) as Bundle);
  } catch {
    return undefined;
  }
}

/** Collects the examples of the broadcast operation, and the first example of each declared event. */
function examplesOf({ components: { messages } }: Bundle): Examples {
  const examples = new Map<string, BroadcastData>();
  for (const { 'x-event': event, examples: [first] = [] } of Object.values(messages)) {
    if (event === undefined || event === '*' || first === undefined) continue;
    const { stream, payload } = (
      first.payload as { readonly data: Required<Pick<BroadcastData, 'stream' | 'payload'>> }
    ).data;
    examples.set(event, { stream, event, payload });
  }
  for (const { name, payload } of messages['broadcast_request']?.examples ?? [])
    examples.set(name, payload as BroadcastData);
  return examples;
}
