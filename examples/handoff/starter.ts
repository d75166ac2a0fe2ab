/**
 * The first agent: starts a piece of work, does half of it, hands over the rest, and waits for the end.
 *
 *     node starter.ts [gateway] [session]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Session } from './session.ts';
import { follow, NOTHING, remaining } from './work.ts';

const [url = 'ws://127.0.0.1:7400/ws', id = 'demo'] = process.argv.slice(2);
const files = ['src/url.ts', 'src/client.ts', 'src/proxy.ts', 'src/cli.ts', 'test/url.test.ts', 'docs/urls.md'];
const session = new Session({ url, id, actor: 'starter' });

await session.publish('session_started', {
  totalChanges: files.length,
  details: { task: 'parseUrl → parseAddress', files },
});
const mine = files.slice(0, 3);
for (const file of mine) {
  await sleep(50); // A real agent would change the file here.
  await session.publish('modified', {
    changeInfo: { elementType: 'function', entityIds: [file], operation: 'renamed' },
  });
  console.log(`renamed in ${file}`);
}
const progress = { checkpointId: 'half', processedChanges: mine.length, totalChanges: files.length };
await session.publish('session_checkpoint', progress);
await session.publish('session_handoff', { ...progress, details: { to: 'finisher' } });
console.log('handed over to finisher');

let work = NOTHING;
for await (const step of session.log()) {
  work = follow(work, step);
  if (work.finished) break;
}
console.log(`the session is over: ${work.done.length} files done, ${remaining(work).length} left`);
await session.leave();
