/** `node examples/migrate/main.ts ws://127.0.0.1:7400/ws 7500`: serves clients of the older system at port 7500. */
import { serveBridge } from './bridge.ts';

const [gateway = 'ws://127.0.0.1:7400/ws', port = '7500'] = process.argv.slice(2);
const { url } = await serveBridge(gateway, { port: Number(port) });
process.stdout.write(`${url} serves clients of the older system, connected to the gateway at ${gateway}\n`);
