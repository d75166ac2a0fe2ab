/** A gateway that requires a credential, and files with credentials for it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authenticator } from '../../src/auth/authenticator.ts';
import { NOBODY } from '../../src/auth/principal.ts';
import { parseScope } from '../../src/auth/scope.ts';
import { ProtocolError } from '../../src/errors.ts';
import { onCleanup, serve } from '../../src/testing/rig.ts';
import type { Served } from '../../src/testing/rig.ts';

export interface ScopedGateway extends Served {
  /** Writes a token to a file. */
  readonly tokenFile: (token: string) => string;
  /**
   * The scopes of each token. A test may change them, as an operator may. A change applies to clients that connect afterwards.
   */
  readonly grants: Map<string, readonly string[]>;
  /** The authenticator of the gateway. A test passes it to another gateway that must accept the same credentials. */
  readonly authenticator: Authenticator;
}

/** Starts a gateway. @param grants the scopes of each token, by token; the token is also the name of its user */
export async function scopedGateway(grants: Readonly<Record<string, readonly string[]>>): Promise<ScopedGateway> {
  const held = new Map(Object.entries(grants));
  const authenticator: Authenticator = {
    required: true,
    anonymous: NOBODY,
    authenticate: ({ value }) => {
      const scopes = held.get(value);
      if (scopes === undefined) return Promise.reject(new ProtocolError('unauthenticated', 'Unknown credential.'));
      return Promise.resolve({ kind: 'user', id: `user:${value}`, scopes: scopes.map(parseScope) });
    },
    onRevoked: () => undefined,
    close: () => Promise.resolve(),
  };
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-mcp-'));
  onCleanup(() => rmSync(directory, { recursive: true }));
  const tokenFile = (token: string): string => {
    const path = join(directory, `${token}.token`);
    writeFileSync(path, token, { mode: 0o600 });
    return path;
  };
  return { ...(await serve({ authenticator, broadcast: 'on' })), grants: held, authenticator, tokenFile };
}
