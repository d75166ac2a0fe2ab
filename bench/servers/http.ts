/**
 * A server on `node:http` alone that parses a JSON body and answers. It does not validate, assigns no positions and keeps no history.
 *
 *     node bench/servers/http.ts PORT
 */
import { createServer } from 'node:http';

const [port] = process.argv.slice(2);
const answer = JSON.stringify({ stream: 'main', epoch: 'e'.repeat(26), sequenceId: 1, eventId: 'i'.repeat(26) });

createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    JSON.parse(Buffer.concat(parts).toString('utf8'));
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(answer);
  });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
