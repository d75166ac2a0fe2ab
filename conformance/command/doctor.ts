/** `conformance doctor`: reports which checks could run against a target, and what the others need. */
import { CONTRACT_DIGEST } from '../../generated/protocol.ts';
import { applicability } from '../target/needs.ts';
import { openTarget } from '../runner/run.ts';
import type { RunContext } from '../runner/context.ts';
import { openPort, choosePort } from '../runner/stimulus.ts';
import { Witness } from '../runner/witness.ts';
import { EXIT } from '../runner/verdict.ts';
import { suiteTapes } from '../tape/library.ts';
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
async function stimulus(context: RunContext): Promise<Diagnosis> {
  const { port } = choosePort(context);
  const stream = port === 'fs' ? 'main' : `workspace:${context.nonce}`;
  const event =
    port === 'fs'
      ? { event: 'file_change', payload: { path: `${context.nonce}.txt`, changeType: 'create' } }
      : { event: 'suite.doctor', payload: { nonce: context.nonce } };
  try {
    const opened = await openPort(port === 'fs' ? 'files' : 'publish', { context, check: 'doctor' });
    const witness = await Witness.open({ context, check: 'doctor', streams: [stream] });
    const began = context.now();
    await opened.publish({ ...event, stream });
    const compare = port === 'fs' ? 'path' : 'payload';
    const seen = await witness.signal.until(() => witness.seen({ ...event, stream }, compare), witness.patience);
    opened.close();
    if (seen === undefined)
      return { good: false, text: `stimulus (${port}): the event was published, but the witness did not receive it` };
    return {
      good: true,
      text: `stimulus (${port}): an event reaches the witness after ${Math.round(context.now() - began)} ms`,
    };
  } catch (error) {
    return { good: false, text: `stimulus (${port}): ${error instanceof Error ? error.message : String(error)}` };
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
