/**
 * The second agent: reads the session until the first agent hands over the work, and then completes the work.
 *
 *     node finisher.ts [gateway] [session]
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Session } from './session.ts';
import { follow, NOTHING, remaining } from './work.ts';

const [url = 'ws://127.0.0.1:7400/ws', id = 'demo'] = process.argv.slice(2);
const session = new Session({ url, id, actor: 'finisher' });

let work = NOTHING;
for await (const step of session.log()) {
  work = follow(work, step);
  if (work.holder === session.actor) break;
}
const left = remaining(work);
console.log(`took over with ${work.done.length} of ${work.files.length} files done`);

for (const file of left) {
  await sleep(50); // A real agent would change the file here.
  await session.publish('modified', {
    changeInfo: { elementType: 'function', entityIds: [file], operation: 'renamed' },
  });
  console.log(`renamed in ${file}`);
}
await session.publish('test_pass', {
  stateTransition: { from: 'renaming', to: 'verified', verifiedBy: 'npm test' },
  impact: { severity: 'low', testsFailed: [] },
});
await session.publish('session_teardown', { status: 'done', processedChanges: work.files.length });
console.log('done');
await session.leave();
