/** The Redis user that docs/guides/operate.md tells operators to create; the tests read it from there. */
import { readFileSync } from 'node:fs';
import type { RedisProcess } from './redis-process.ts';

const GUIDE = new URL('../../../docs/guides/operate.md', import.meta.url);

/** Makes the user `tidemark` with the password of the test. */
export async function createAclUser(redis: RedisProcess): Promise<void> {
  const line = /^ACL SETUSER .*$/m.exec(readFileSync(GUIDE, 'utf8'))?.[0] ?? '';
  const reply = await redis.command(...line.replace('>PASSWORD', '>pass word').split(/ (?!word)/));
  if (reply !== '+OK\r\n') throw new Error(`Redis does not take the rules of the guide: ${reply}`);
}

/** As it stands in a URL. */
export const ACL_LOGIN = 'tidemark:pass%20word';
