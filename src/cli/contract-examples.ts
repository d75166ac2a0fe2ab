/** The examples of the contract, for `broadcast --example`. */
import { readFileSync } from 'node:fs';
import type { BroadcastData } from '../../generated/types.ts';

interface BundledMessage {
  readonly 'x-event'?: string;
  readonly examples?: readonly { readonly name: string; readonly payload: unknown }[];
}

interface Bundle {
  readonly components: { readonly messages: Readonly<Record<string, BundledMessage>> };
}

/** Ready to be published, by name: those of the broadcast operation, and the first one of each declared event. */
export function broadcastExamples(): ReadonlyMap<string, BroadcastData> {
  const text = readFileSync(new URL('../../generated/contract.json', import.meta.url), 'utf8');
  const { messages } = (JSON.parse(text) as Bundle).components;
  const examples = new Map<string, BroadcastData>();
  for (const { 'x-event': event, examples: [first] = [] } of Object.values(messages)) {
    if (event === undefined || event === '*' || first === undefined) continue;
    const { stream, payload } = (first.payload as { readonly data: Pick<BroadcastData, 'stream' | 'payload'> }).data;
    examples.set(event, { stream, event, payload });
  }
  for (const { name, payload } of messages['broadcast_request']?.examples ?? [])
    examples.set(name, payload as BroadcastData);
  return examples;
}
