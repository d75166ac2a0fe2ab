// A client program that narrows event types without casts, and ends after the first event. The smoke test type-checks it and runs it.
import { createClient } from 'tidemark-client';

const [url = '', readyLine = ''] = process.argv.slice(2);
const client = createClient({ url });
const subscription = client.subscribe({ events: ['file_change'], filter: { extensions: ['.ts'] } });
await subscription.caughtUp;
console.log(readyLine);

for await (const event of subscription) {
  const name: 'file_change' = event.event;
  const path: string = event.payload.path;
  // @ts-expect-error A member that the contract does not have must be a type error, not `any`.
  const unknown: unknown = event.payload.colour;
  console.log(JSON.stringify({ name, path, sequenceId: event.sequenceId, unknown }));
  break;
}
await client.close();
