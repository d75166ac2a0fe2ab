/** A real nginx with the example configuration of `deploy/nginx`, on free ports and with a certificate that is created for the test. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { NGINX, OPENSSL, programOf } from '../../scripts/tools.ts';
import { freePort } from './free-port.ts';
import { PATIENCE } from './rig.ts';

const EXAMPLE = join(import.meta.dirname, '../../deploy/nginx/tidemark.conf');
/** The host name in the example. */
export const SITE = 'events.example';

export class NginxProcess {
  readonly port: number;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.#directory = directory;
    this.#child = spawn(programOf(NGINX), ['-e', 'stderr', '-p', directory, '-c', join(directory, 'nginx.conf')], {
      stdio: 'ignore',
    });
  }

  /** @param nodes ports of the two gateways */
  static async start(nodes: readonly [number, number]): Promise<NginxProcess> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-nginx-'));
    makeCertificate(directory);
    writeFileSync(join(directory, 'nginx.conf'), configurationOf({ directory, port, nodes }));
    const nginx = new NginxProcess(port, directory);
    await vi.waitUntil(() => listens(port), PATIENCE);
    return nginx;
  }

  /** The address of a path below the prefix of the example. */
  url(path: string, scheme: 'https' | 'wss' = 'https'): string {
    return `${scheme}://${SITE}:${this.port}/tidemark${path}`;
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'exit');
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await gone;
    }
    rmSync(this.#directory, { recursive: true });
  }
}

interface Configuration {
  readonly directory: string;
  readonly port: number;
  readonly nodes: readonly [number, number];
}

/**
 * Returns the example configuration with its ports and files replaced by those of the test. The lines around it make nginx write only to
 * the directory of the test.
 */
function configurationOf({ directory, port, nodes: [first, second] }: Configuration): string {
  const replacements: readonly (readonly [string, string])[] = [
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['127.0.0.1:7400', `127.0.0.1:${first}`],
    ['127.0.0.1:7401', `127.0.0.1:${second}`],
    ['/etc/ssl/events.example.pem', join(directory, 'site.pem')],
    ['/etc/ssl/private/events.example.key', join(directory, 'site.key')],
  ];
  const example = replacements.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`${EXAMPLE} no longer contains ${from}`);
      return text.replaceAll(from, to);
    },
    readFileSync(EXAMPLE, 'utf8'),
  );
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(directory, name)};`,
  );
  return [
    'daemon off;',
    'master_process off;',
    `pid ${join(directory, 'nginx.pid')};`,
    'error_log stderr;',
    'events {}',
    `http { access_log off; ${temporary.join(' ')}\n${example}}`,
  ].join('\n');
}

function makeCertificate(directory: string): void {
  const files = ['-keyout', join(directory, 'site.key'), '-out', join(directory, 'site.pem')];
  const subject = ['-subj', `/CN=${SITE}`, '-addext', `subjectAltName=DNS:${SITE}`];
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const { status, stderr } = spawnSync(programOf(OPENSSL), [...words, ...files, ...subject], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl failed: ${stderr}`);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
