/** The identity of a client (SEC-1). */
import type { Principal as WirePrincipal } from '../../generated/types.ts';
import { parseScope } from './scope.ts';
import type { Scope } from './scope.ts';

export interface Principal {
  readonly kind: WirePrincipal['kind'];
  /** The id begins with the kind: `user:ana`, `agent:refactor`, `key:ci01`, `service:indexer`. The only exception is `anonymous`. */
  readonly id: string;
  readonly scopes: readonly Scope[];
  /** When the credential expires, in milliseconds since the Unix epoch. */
  readonly expiresAt?: number;
  /** Identifies the credential. When it is revoked, the connections of principals with this id are closed. */
  readonly credentialId?: string;
}

/** The principal of all clients if no credentials are configured (SEC-5). */
export const ANONYMOUS: Principal = {
  kind: 'anonymous',
  id: 'anonymous',
  scopes: ['subscribe:*', 'publish:*', 'admin:read', 'admin:write'].map(parseScope),
};

/** The principal of a client that must authenticate and has not yet done so. */
export const NOBODY: Principal = { kind: 'anonymous', id: 'anonymous', scopes: [] };

/** The principal for events that the host program or the gateway's own sources publish. */
export const GATEWAY_PRINCIPAL: Principal = { kind: 'service', id: 'gateway', scopes: [parseScope('publish:*')] };

/** The principal as clients see it in `welcome` and `authenticated`. */
export function wirePrincipal(principal: Principal): WirePrincipal {
  const { kind, id, scopes, expiresAt } = principal;
  return {
    kind,
    id,
    scopes: scopes.map((each) => each.text),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  };
}
