/** The examples in `deploy/` are consistent with each other, and their configurations are valid. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { HTTP_OPERATIONS, LIMITS } from '../../generated/protocol.ts';
import { resolveConfig } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { memoryCosts } from '../config/memory-cost.ts';
import { SETTINGS, variableOf } from '../config/settings.ts';
import { resolveLimits } from '../options.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
const MIB = 1024 * 1024;
const home = mkdtempSync(join(tmpdir(), 'tidemark-deploy-'));

afterAll(() => rmSync(home, { recursive: true }));

const textOf = (path: string): string => readFileSync(join(DEPLOY, path), 'utf8');

/** Reads a configuration with the environment variables of its container. */
function configurationOf(text: string, environment: Readonly<Record<string, string>>): Config {
  const file = join(home, 'tidemark.yaml');
  writeFileSync(file, text);
  const { config, problems, warnings } = resolveConfig({
    file,
    environment: { TIDEMARK_HOST: '0.0.0.0', ...environment },
  });
  expect(problems).toEqual([]);
  expect(warnings.filter(({ where }) => where.startsWith('TIDEMARK_'))).toEqual([]);
  return config;
}

function stopMsOf({ shutdownDelayMs, limits }: Config): number {
  return shutdownDelayMs + (limits.drainMs ?? LIMITS.drainMs.default);
}

function memoryOf({ limits }: Config, nodeOptions: string | undefined): number {
  return memoryCosts(resolveLimits(limits), nodeOptions ?? '').reduce((sum, { bytes }) => sum + bytes, 0);
}

interface ComposeService {
  readonly environment?: Readonly<Record<string, string>>;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly stop_grace_period?: string;
  readonly mem_limit?: string;
  readonly command?: readonly string[];
}

describe('the compose file', () => {
  const { services } = parse(textOf('compose/compose.yaml'), { merge: true }) as {
    readonly services: Readonly<Record<string, ComposeService>>;
  };

  test('runs every service read-only and without capabilities', () => {
    for (const [name, { read_only: readOnly, cap_drop: dropped }] of Object.entries(services))
      expect([name, readOnly, dropped]).toEqual([name, true, ['ALL']]);
  });

  test('gives the nodes a valid configuration, time to drain and enough memory', () => {
    for (const name of ['node-a', 'node-b']) {
      const { environment = {}, stop_grace_period: grace = '', mem_limit: memory } = services[name] ?? {};
      const config = configurationOf(textOf('compose/tidemark.yaml'), environment);
      expect(config.nodeId).toBe(name);
      expect(config.redis).toBe('redis://redis:6379');
      expect(Number.parseInt(grace, 10) * 1000).toBeGreaterThan(stopMsOf(config));
      expect(memory).toBe('1g');
      expect(memoryOf(config, environment['NODE_OPTIONS'])).toBeLessThan(1024 * MIB);
    }
  });

  test('keeps Redis from evicting', () => {
    expect(services['redis']?.command?.join(' ')).toContain('--maxmemory-policy noeviction');
  });
});

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string; readonly httpHeaders: readonly object[] };
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}

interface Manifest {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template?: { readonly spec: Pod } };
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
  readonly containers: readonly {
    readonly env: readonly { readonly name: string; readonly value?: string }[];
    readonly resources: { readonly limits: { readonly memory: string } };
    readonly startupProbe: Probe;
    readonly livenessProbe: Probe;
    readonly readinessProbe: Probe;
    readonly securityContext: Readonly<Record<string, unknown>>;
  }[];
}

describe('the Kubernetes manifests', () => {
  const manifests = parseAllDocuments(textOf('kubernetes/tidemark.yaml')).map(
    (document) => document.toJS() as Manifest,
  );
  const file = manifests.find(({ kind }) => kind === 'ConfigMap')?.data?.['tidemark.yaml'] ?? '';
  const pod = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
  const [container] = pod?.containers ?? [];

  test('give the pods a valid configuration, time to drain and enough memory', () => {
    const values = (container?.env ?? []).flatMap(({ name, value }) =>
      name.startsWith('TIDEMARK_') ? [[name, (value ?? 'redis://x').replace('$(POD_IP)', '10.0.0.9')]] : [],
    );
    const config = configurationOf(file, Object.fromEntries(values) as Record<string, string>);
    expect(config.allowedHosts).toEqual(['events.example', '10.0.0.9']);
    expect((pod?.terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(stopMsOf(config));
    expect(container?.resources.limits.memory).toBe('1Gi');
    const nodeOptions = container?.env.find(({ name }) => name === 'NODE_OPTIONS')?.value;
    expect(memoryOf(config, nodeOptions)).toBeLessThan(1024 * MIB);
    const { periodSeconds = 0, failureThreshold = 0 } = container?.readinessProbe ?? {};
    expect(config.shutdownDelayMs).toBeGreaterThan(periodSeconds * failureThreshold * 1000);
  });

  test('have probes with addresses of a gateway and a Host header that it accepts', () => {
    const probes = [container?.startupProbe, container?.livenessProbe, container?.readinessProbe];
    expect(probes.map((probe) => probe?.httpGet.path)).toEqual([
      HTTP_OPERATIONS.get_healthz.path,
      HTTP_OPERATIONS.get_healthz.path,
      HTTP_OPERATIONS.get_readyz.path,
    ]);
    for (const probe of probes) expect(probe?.httpGet.httpHeaders).toEqual([{ name: 'Host', value: 'localhost' }]);
  });

  test('run pods without root, without privileges and with a read-only file system', () => {
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10_001 });
    expect(textOf('container/Containerfile')).toContain('USER 10001:10001');
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });
});

describe('every example', () => {
  test.each([
    'container/Containerfile',
    'compose/compose.yaml',
    'kubernetes/tidemark.yaml',
    'systemd/tidemark.service',
    'nginx/tidemark.conf',
    'caddy/Caddyfile',
  ])('%s names only variables and addresses that exist', (path) => {
    const text = textOf(path);
    const known = new Set([...SETTINGS.flatMap((each) => variableOf(each) ?? []), 'TIDEMARK_CONFIG', 'TIDEMARK_TOKEN']);
    expect((text.match(/TIDEMARK_[A-Z_]+/g) ?? []).filter((name) => !known.has(name))).toEqual([]);
    const addresses = [...text.matchAll(/\/(?:readyz|healthz|metrics|console)\b/g)].map(([address]) => address);
    const served = new Set<string>(Object.values(HTTP_OPERATIONS).map((operation) => operation.path));
    expect(addresses.filter((each) => !served.has(each))).toEqual([]);
  });
});
