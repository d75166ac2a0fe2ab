// A host program that embeds the gateway. The smoke test type-checks and runs it.
import { createGateway } from 'tidemark';
import type { Authenticator } from 'tidemark';
import { ProtocolError } from 'tidemark/errors';
import { watchDirectory } from 'tidemark/files';
import { redisBroker } from 'tidemark/redis';
import { parseScope } from 'tidemark/scopes';

const authenticator: Authenticator = {
  required: true,
  anonymous: { kind: 'anonymous', id: 'anonymous', scopes: [] },
  authenticate: async ({ value }) => {
    if (value !== 'let-me-in') throw new ProtocolError('unauthenticated', 'Unknown credential.');
    return { kind: 'user', id: 'user:ana', scopes: [parseScope('subscribe:*'), parseScope('admin:read')] };
  },
  onRevoked: () => undefined,
  close: async () => undefined,
};
const redis = process.env['TIDEMARK_REDIS'];
const gateway = createGateway({
  authenticator,
  ...(redis === undefined ? {} : { broker: redisBroker({ url: redis }) }),
});
const { httpUrl } = await gateway.listen({ host: '127.0.0.1', port: 0 });
const result = await gateway.publish('file_change', {
  path: 'src/a.ts',
  root: 'shop',
  changeType: 'modify',
  fileType: 'file',
});
const watched = await watchDirectory(gateway, { directory: 'watched', onWarning: console.warn });
const seen = async (authorization: string): Promise<number> =>
  (await fetch(`${httpUrl}/ws/subscriptions`, { headers: { authorization } })).status;
const statuses = [await seen('Bearer let-me-in'), await seen('Bearer other')];
console.log(JSON.stringify({ statuses, sequenceId: result.sequenceId, root: watched.root }));
await watched.close();
await gateway.close();
