/** Connects to a target once to read its `welcome`, which decides which checks apply. */
import { randomBytes } from 'node:crypto';
import { HTTP_OPERATIONS } from '../../generated/protocol.ts';
import type { WelcomeData } from '../../generated/types.ts';
import { serverValidators } from '../../generated/validators.js';
import { member } from '../trace/json.ts';
import { Connection, typeOf } from './connection.ts';
import { PATIENCE_MS, UnreachableError } from './context.ts';
import type { Profile } from '../target/profile.ts';
import type { RunContext } from './context.ts';
import { exchange } from './exchange.ts';

/**
 * The upgrade was rejected, or no valid `welcome` arrived: the target is not a Tidemark gateway, and no check can run.
 */
export class NotAGatewayError extends Error {
  override readonly name = 'NotAGatewayError';
}

const CHECK = 'probe';

async function probeHttp(context: Omit<RunContext, 'profile'>): Promise<Profile['http']> {
  const { method, path } = HTTP_OPERATIONS.get_health;
  try {
    const answer = await exchange({ context, check: CHECK, request: { method, path } });
    return answer.status === 404 ? 'not-served' : 'served';
  } catch (error) {
    if (error instanceof UnreachableError) return 'not-served';
    throw error;
  }
}

/**
 * @throws {UnreachableError} when nothing answers.
 * @throws {NotAGatewayError} when another kind of server answers.
 */
export async function probe(context: Omit<RunContext, 'profile'>): Promise<Profile> {
  const timeoutMs = PATIENCE_MS * context.timeScale;
  const options = { actor: 'probe', spec: {}, check: CHECK, timeoutMs };
  const connection = new Connection(context, options);
  const refused = await connection.open(options);
  if (refused !== undefined)
    throw new NotAGatewayError(
      `not a Tidemark gateway: the upgrade was rejected with status ${refused.status}: ${refused.body.slice(0, 200)}`,
    );
  const welcome = await connection.find((frame) => typeOf(frame) === 'welcome', timeoutMs);
  if (welcome === undefined) throw new NotAGatewayError(`not a Tidemark gateway: no welcome within ${timeoutMs} ms`);
  const validator = serverValidators.welcome;
  // Faults of the envelope are left to the checks, which can run as soon as `data` is readable.
  const said = { type: 'welcome', data: member(welcome.json, 'data') };
  if (!validator(said)) {
    const [fault] = validator.errors ?? [];
    throw new NotAGatewayError(
      `welcome does not fit the contract: ${fault?.instancePath ?? ''} ${fault?.message ?? ''}`,
    );
  }
  // The validator of this very message has accepted it.
  const data = member(welcome.json, 'data') as unknown as WelcomeData;
  const http = await probeHttp(context);
  await connection.end({ code: 1000 }, timeoutMs);
  return { welcome: data, http };
}

/** Lower-case letters and digits, so that it can be part of every kind of name. */
export function makeNonce(): string {
  return `t${BigInt(`0x${randomBytes(5).toString('hex')}`).toString(36)}`;
}
