// A page's script, bundled and run in Chromium by the smoke test: shows the received event in the title.
import { createClient } from 'tidemark-client';

const client = createClient({ url: new URLSearchParams(location.search).get('gateway') ?? '' });
const subscription = client.subscribe({ events: ['file_change'] });
await subscription.caughtUp;
document.title = 'ready';
for await (const event of subscription) {
  document.title = `event ${event.payload.path}`;
}
