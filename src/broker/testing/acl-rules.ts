/** The Redis user that docs/guides/operate.md tells operators to create. The tests read the rules from that guide. */
import { readFileSync } from 'node:fs';
import type { RedisProcess } from './redis-process.ts';

const GUIDE = new URL('../../../docs/guides/operate.md', import.meta.url);

/** Creates the user `tidemark` with the password of the tests. */
export async function createAclUser(redis: RedisProcess): Promise<void> {
  const line = /^ACL SETUSER .*$/m.exec(readFileSync(GUIDE, 'utf8'))?.[0] ?? '';
  const reply = await redis.command(...line.replace('>PASSWORD', '>pass word').split(/ (?!word)/));
  if (reply !== '+OK\r\n') throw new Error(`Redis rejected the ACL rules of the guide: ${reply}`);
}

/** The user and the password of {@link createAclUser}, percent-encoded for a URL. */
export const ACL_LOGIN = 'tidemark:pass%20word';
