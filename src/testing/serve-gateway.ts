/**
 * A gateway in a process of its own, for what must not share an event loop or a heap with it. Options of the gateway as JSON in
 * argv; the `broadcast` command is on unless they say otherwise. Says where it listens as one line of JSON, drains on SIGTERM,
 * and ends at once when its standard input does.
 */
import { createGateway } from '../gateway.ts';
import type { GatewayOptions } from '../gateway.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as Pick<GatewayOptions, 'limits' | 'broadcast' | 'nodeId'>;
const gateway = createGateway({ broadcast: 'on', ...options });
const { url, httpUrl } = await gateway.listen({ port: 0 });
console.log(JSON.stringify({ url, httpUrl, pid: process.pid }));

process.on('SIGTERM', () => void gateway.close().then(() => process.exit(0)));
process.stdin.resume().on('end', () => void gateway.close({ drainMs: 0 }));
