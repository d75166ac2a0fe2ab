/**
 * The program of a gateway in a separate process, for tests that must not share the event loop or the heap with it. Its first argument is
 * the gateway's options as JSON; the `broadcast` command is enabled by default. It prints its addresses as one line of JSON, drains on
 * SIGTERM, and exits immediately when its standard input ends.
 */
import { createGateway } from '../gateway.ts';
import type { GatewayOptions } from '../gateway.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as Pick<GatewayOptions, 'limits' | 'broadcast' | 'nodeId'>;
const gateway = createGateway({ broadcast: 'on', ...options });
const { url, httpUrl } = await gateway.listen({ port: 0 });
console.log(JSON.stringify({ url, httpUrl, pid: process.pid }));

process.on('SIGTERM', () => void gateway.close().then(() => process.exit(0)));
process.stdin.resume().on('end', () => void gateway.close({ drainMs: 0 }));
