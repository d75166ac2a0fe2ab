/**
 * Sends each message of a Redis channel to each WebSocket, using only `ws` and `ioredis`.
 *
 *     node bench/servers/redis-frames.ts PORT REDIS_URL
 */
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';

const [port, redisUrl = ''] = process.argv.slice(2);
const server = new WebSocketServer({ port: Number(port), host: '127.0.0.1', perMessageDeflate: false });
const subscriber = new Redis(redisUrl);
subscriber.on('message', (_channel, text) => {
  for (const client of server.clients) client.send(text);
});
await subscriber.subscribe('plain');
console.log('ready');
