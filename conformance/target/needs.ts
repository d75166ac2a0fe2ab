/**
 * Conditions under which a tape applies to a target:
 *
 * - `open`: the target serves clients without a credential; `auth`: the configuration has credentials
 * - `broadcast`: the `broadcast` command is on; `no-broadcast`: it is off
 * - `http`: the HTTP operations are served
 * - `control:NAME`, `credential:NAME`: the configuration has that command or credential
 * - `limit:NAME<=N`: the limit is at most N, so that the tape can reach it; `limit:NAME>=N`: it is at least N, so that
 *   the tape stays within it
 * - `policy:EVENT=POLICY`: the replay policy of the event is POLICY. POLICY is the default in the contract, but an
 *   operator may change it
 *
 * If a condition is not met, the tape does not run. Its verdict is:
 *
 * - N/A, if the configuration lists the feature under `without`
 * - otherwise UNTESTABLE, if the contract requires the feature, or the configuration lists it under `claims`
 * - otherwise N/A
 */
import { asText, member, textAt } from '../trace/json.ts';
// Import cycle of types only: a need is compared with a configuration, and config.ts checks the needs that a configuration names.
import type { TargetConfig } from './config.ts';
import type { Profile } from './profile.ts';

export type Applicability =
  { readonly verdict: 'applies' } | { readonly verdict: 'N/A' | 'UNTESTABLE'; readonly reason: string };

const APPLIES: Applicability = { verdict: 'applies' };

/**
 * Features that the contract requires. If a target does not have one, its configuration must list the feature under
 * `without`.
 */
const MANDATORY = ['http'];

/** For example `payloadBytes<=65536`. */
const BOUND = /^(\w+)(<=|>=)(\d+)$/;

/** The facts with which a need is compared. */
interface NeedContext {
  readonly config: TargetConfig;
  readonly profile: Profile;
}

type Test = (context: NeedContext, argument: string) => string | undefined;

const TESTS: Readonly<Record<string, Test>> = {
  open: ({ profile }) =>
    profile.welcome.principal.kind === 'anonymous' && !profile.welcome.authenticationRequired
      ? undefined
      : 'the target requires a credential',
  auth: ({ config }) =>
    Object.keys(config.credentials).length > 0 ? undefined : 'the configuration has no credentials',
  broadcast: ({ profile }) => (profile.welcome.features.broadcast ? undefined : 'the broadcast command is off'),
  'no-broadcast': ({ profile }) => (profile.welcome.features.broadcast ? 'the broadcast command is on' : undefined),
  http: ({ profile }) => (profile.http === 'served' ? undefined : 'HTTP is not served'),
  control: ({ config }, name) =>
    config.control[name] === undefined ? `the configuration has no control command ${name}` : undefined,
  credential: ({ config }, name) =>
    config.credentials[name] === undefined ? `the configuration has no credential ${name}` : undefined,
  policy: ({ profile }, argument) => {
    const [event = '', policy = ''] = argument.split('=');
    const inForce = textAt(profile.welcome.features.replay, event);
    return inForce === policy ? undefined : `the replay policy of ${event} is ${inForce ?? 'not reported'}`;
  },
  limit: ({ profile }, argument) => {
    const [, name = '', sign = '', bound = ''] = BOUND.exec(argument) ?? [];
    const value = member(profile.welcome.limits, name);
    const above = sign === '<=';
    const fits = typeof value === 'number' && (above ? value <= Number(bound) : value >= Number(bound));
    return fits ? undefined : `${name} is ${asText(value)}, ${above ? 'above' : 'below'} ${bound}`;
  },
};

/** The names with which a need may begin. */
export const NEEDS: readonly string[] = Object.keys(TESTS);

export function isNeed(need: string): boolean {
  const [name = '', argument = ''] = need.split(':');
  return Object.hasOwn(TESTS, name) && (name !== 'limit' || BOUND.test(argument));
}

/** Whether the target must have the feature. A claim of `auth` also claims every feature whose test needs credentials. */
function isClaimed(need: string, claims: readonly string[]): boolean {
  const [name = ''] = need.split(':');
  const ofAuth = name === 'credential' || need === 'control:revoke';
  return [...MANDATORY, ...claims].some((each) => each === name || each === need || (each === 'auth' && ofAuth));
}

export function applicability(needs: readonly string[], context: NeedContext): Applicability {
  for (const need of needs) {
    const [name = '', argument = ''] = need.split(':');
    const missing = TESTS[name]?.(context, argument);
    if (missing === undefined) continue;
    if (context.config.without.includes(name))
      return { verdict: 'N/A', reason: `the configuration lists ${name} under "without"` };
    return { verdict: isClaimed(need, context.config.claims) ? 'UNTESTABLE' : 'N/A', reason: missing };
  }
  return APPLIES;
}
