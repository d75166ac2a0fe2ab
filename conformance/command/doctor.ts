/** `conformance doctor`: reports which checks could run against a target, and what the others need. */
import { CONTRACT_DIGEST } from '../../generated/protocol.ts';
import { applicability } from '../target/needs.ts';
import { openTarget } from '../runner/run.ts';
import type { RunContext } from '../runner/context.ts';
import { openPort, choosePort } from '../runner/stimulus.ts';
import type { StimulusPort } from '../runner/stimulus.ts';
import { Witness } from '../runner/witness.ts';
import { EXIT } from '../runner/verdict.ts';
import { suiteTapes } from '../tape/library.ts';
import type { StimEvent } from '../tape/tape.ts';
import { targetOf } from './target.ts';
import { print } from './terminal.ts';

export interface DoctorFlags {
  readonly url?: string;
  readonly config?: string;
  readonly stimulus?: string;
}

interface Diagnosis {
  readonly good: boolean;
  readonly text: string;
}

function known({ profile }: RunContext): readonly Diagnosis[] {
  const { welcome, http } = profile;
  const { principal, features } = welcome;
  const same = welcome.contractDigest === CONTRACT_DIGEST;
  return [
    {
      good: true,
      text: `welcome: ${welcome.nodeId}, protocol ${welcome.protocolVersion}, heartbeat every ${welcome.heartbeatIntervalMs} ms`,
    },
    {
      good: same,
      text: same
        ? 'the target has the same contract as this suite'
        : 'the contract of the target differs from the contract of this suite',
    },
    {
      good: true,
      text: `the client is ${principal.id} (${principal.kind}) with ${principal.scopes.join(', ') || 'no scopes'}`,
    },
    {
      good: http === 'served',
      text:
        http === 'served'
          ? 'HTTP is served'
          : 'HTTP is not served; if that is intended, add "without": ["http"] to the configuration',
    },
    { good: true, text: `the broadcast command is ${features.broadcast ? 'on' : 'off'}` },
  ];
}

/** Publishes one event through the stimulus port, and checks that the witness receives it. */
async function publishOne(port: StimulusPort, event: StimEvent, context: RunContext): Promise<Diagnosis> {
  const { stream = 'main' } = event;
  const witness = await Witness.open({ context, check: 'doctor', streams: [stream] });
  const began = context.now();
  await port.publish(event);
  const chosen = choosePort(context).port;
  const compare = chosen === 'fs' ? 'path' : 'payload';
  const seen = await witness.signal.until(() => witness.seen(event, compare), witness.patience);
  const text =
    seen === undefined
      ? 'the event was published, but the witness did not receive it'
      : `an event reaches the witness after ${Math.round(context.now() - began)} ms`;
  return { good: seen !== undefined, text: `stimulus (${chosen}): ${text}` };
}

async function stimulus(context: RunContext): Promise<Diagnosis> {
  const { port: chosen } = choosePort(context);
  const event =
    chosen === 'fs'
      ? { event: 'file_change', payload: { path: `${context.nonce}.txt`, changeType: 'create' }, stream: 'main' }
      : { event: 'suite.doctor', payload: { nonce: context.nonce }, stream: `workspace:${context.nonce}` };
  let port: StimulusPort | undefined;
  try {
    port = await openPort(chosen === 'fs' ? 'files' : 'publish', { context, check: 'doctor' });
    return await publishOne(port, event, context);
  } catch (error) {
    return { good: false, text: `stimulus (${chosen}): ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    port?.close();
  }
}

function scope(context: RunContext): readonly Diagnosis[] {
  const tapes = suiteTapes();
  const unmet = tapes.flatMap(({ header }) => {
    const found = applicability(header.needs, context);
    return found.verdict === 'applies' ? [] : [{ id: header.id, ...found }];
  });
  const list = unmet.map(({ id, verdict, reason }) => ({
    good: verdict === 'N/A',
    text: `${verdict} ${id}: ${reason}`,
  }));
  return [{ good: true, text: `${tapes.length - unmet.length} of ${tapes.length} tapes apply` }, ...list];
}

export async function doctorCommand(flags: DoctorFlags): Promise<number> {
  const config = targetOf(flags);
  const target = await openTarget({ config, timeScale: 1 });
  try {
    const found = [...known(target.context), await stimulus(target.context), ...scope(target.context)];
    for (const { good, text } of found) print(`${good ? '  ' : '! '}${text}`);
    return found.every(({ good }) => good) ? EXIT.ok : EXIT.findings;
  } finally {
    target.close();
  }
}
