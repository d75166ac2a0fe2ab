import { expect, onTestFinished, test, vi } from 'vitest';
import { Trace } from '../trace/trace.ts';
import { loadClock } from './load.ts';
import { ClientTapeState } from './tape-state.ts';

/** A client that connects and closes at once with code 1000. */
const CLOSES_AT_ONCE = `
console.log('{"notice":"ready","supports":[]}');
process.stdin.on('data', (line) => {
  const command = JSON.parse(line);
  if (command.do !== 'connect') return;
  const socket = new WebSocket(command.url, 'tidemark.v1');
  socket.onopen = () => socket.close(1000);
}).on('end', () => process.exit());
`;

test('a close that arrives before the connection is known ends the connection', async () => {
  const machineClock = loadClock(() => performance.now());
  onTestFinished(() => machineClock.close());
  const state = await ClientTapeState.open({
    check: 'close/early',
    command: `${process.execPath} -e '${CLOSES_AT_ONCE.replaceAll("'", `'\\''`)}'`,
    env: {},
    trace: new Trace({ trace: 1, startedAt: '', target: '' }, () => performance.now()),
    now: () => performance.now(),
    timeScale: 1,
    machineClock,
    connects: { made: 0, missed: 0 },
  });
  onTestFinished(() => state.close());
  state.drive({ do: 'connect' });
  const upgrade = await vi.waitUntil(() => state.upgrades[0], { timeout: 30_000 });
  const closed = Promise.withResolvers<void>();
  await state.accept({
    ...upgrade,
    accept: async ({ onFrame, onClose }) => {
      const peer = await upgrade.accept({
        onFrame,
        onClose: (code, reason) => {
          onClose(code, reason);
          closed.resolve();
        },
      });
      await closed.promise;
      return peer;
    },
  });
  expect(state.link.ended).toMatchObject({ code: 1000 });
});
