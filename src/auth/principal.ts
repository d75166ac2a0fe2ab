/** Who a client is (SEC-1). */
import type { Principal as WirePrincipal } from '../../generated/types.ts';
import { parseScope } from './scope.ts';
import type { Scope } from './scope.ts';

export interface Principal {
  readonly kind: WirePrincipal['kind'];
  /** With its kind before it: `user:ana`, `agent:refactor`, `key:ci01`, `service:indexer`, or `anonymous`. */
  readonly id: string;
  readonly scopes: readonly Scope[];
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt?: number;
  /** What a revocation names. */
  readonly credentialId?: string;
}

/** Everyone, where no credential is configured (SEC-5). */
export const ANONYMOUS: Principal = {
  kind: 'anonymous',
  id: 'anonymous',
  scopes: ['subscribe:*', 'publish:*', 'admin:read'].map(parseScope),
};

/** Someone who has not presented a credential yet, where one is needed. */
export const NOBODY: Principal = { kind: 'anonymous', id: 'anonymous', scopes: [] };

/** The host program and the gateway's own sources. */
export const GATEWAY_PRINCIPAL: Principal = { kind: 'service', id: 'gateway', scopes: [parseScope('publish:*')] };

/** As `welcome` and `authenticated` tell it. */
export function wirePrincipal(principal: Principal): WirePrincipal {
  const { kind, id, scopes, expiresAt } = principal;
  return {
    kind,
    id,
    scopes: scopes.map((each) => each.text),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
  };
}
