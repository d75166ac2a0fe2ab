/** Finds out, with a few more attempts to connect, why a target cannot be reached. */
import { connect as connectTls } from 'node:tls';
import { SUBPROTOCOL } from '../../generated/protocol.ts';
import { openSocket } from '../target/socket.ts';
import type { Refused } from '../target/socket.ts';

const TRY_MS = 2000;
/** The usual paths of gateways and other WebSocket servers. */
const USUAL_PATHS = ['/ws', '/'];

/** Whether the server at the address uses TLS. The certificate is not checked. */
function speaksTls({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const host = hostname.replaceAll(/[[\]]/g, '');
    const socket = connectTls({ host, port: Number(port === '' ? 80 : port), rejectUnauthorized: false });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TRY_MS, () => end(false));
    socket.on('secureConnect', () => end(true));
    socket.on('error', () => end(false));
  });
}

async function upgrades(url: URL): Promise<boolean> {
  const nothing = (): void => undefined;
  const handshake = await openSocket({
    url: url.href,
    protocols: [SUBPROTOCOL],
    headers: {},
    pong: 'auto',
    timeoutMs: TRY_MS,
    onOpen: nothing,
    onFrame: nothing,
    onFault: nothing,
    onClose: nothing,
  });
  if (!('socket' in handshake)) return false;
  handshake.socket.cut();
  return true;
}

/** Advice for an address at which nothing answers a handshake. @param reason the error of the network */
export async function adviceForSilence(address: string, reason: string): Promise<string> {
  const url = new URL(address);
  if (/ECONNREFUSED/.test(reason)) return `Nothing listens on ${url.host}: start the server, or correct the port.`;
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) return `The host ${url.hostname} is unknown: correct the name.`;
  if (url.protocol === 'wss:') {
    if (/certificate|self.signed|issuer/i.test(reason))
      return 'The certificate is not trusted: set NODE_EXTRA_CA_CERTS to a file with the certificate of its issuer.';
    return `The port may not speak TLS: try ws://${url.host}${url.pathname}.`;
  }
  if (await speaksTls(url)) return `The port speaks TLS: use wss://${url.host}${url.pathname}.`;
  return `${url.host} accepts connections but does not answer the WebSocket handshake (RFC 6455): answer the upgrade request with 101.`;
}

/** Advice for an upgrade that was answered with a status other than 101. */
export async function adviceForRefusal(address: string, { status, body }: Refused): Promise<string> {
  const url = new URL(address);
  if (status === 101) return `The response to the handshake is not valid (RFC 6455): ${body}`;
  if (/HTTPS|TLS|SSL/i.test(body)) return `The port seems to speak TLS: use wss://${url.host}${url.pathname}.`;
  if (status === 401 || status === 403)
    return 'The suite needs a credential that may connect: name it in the configuration, as "credentials": {"default": …} (SEC-2).';
  for (const path of USUAL_PATHS.filter((each) => each !== url.pathname)) {
    const other = new URL(path, url);
    if (await upgrades(other)) return `A WebSocket server answers at ${other.href}: use that address.`;
  }
  return `Nothing at ${url.pathname} accepts WebSocket connections: correct the path, or answer the upgrade with 101 and the subprotocol ${SUBPROTOCOL} (CON-1).`;
}
