/** A mirror of a team's own events. The team's contract determines the keys and the deletions. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { generateTo } from '../../codegen/generate.ts';
import { compile, run } from '../../codegen/testing/compile.ts';
import { buildContract } from '../testing/own-contract.ts';
import { serve } from '../testing/rig.ts';

const SHARED = `x-filterable: {}
      payload: { type: object, required: [job], properties: { job: { type: object, required: [name], properties: { name: { type: string } } } } }`;
const CONTRACT = `asyncapi: 3.0.0
info: { title: Jobs, version: 1.0.0 }
x-extends: tidemark
components:
  messages:
    job_started:
      summary: A job runs.
      x-replay: { policy: latest-per-key, key: /payload/job/name, keySpace: job }
      ${SHARED}
    job_removed:
      summary: A job is gone.
      x-replay: { policy: latest-per-key, key: /payload/job/name, keySpace: job, clears: true }
      ${SHARED}
`;

const PROGRAM = (url: string): string => `
import { createClient } from './client.ts';
import { mirror } from './mirror.ts';
const client = createClient({ url: ${JSON.stringify(url)} });
const jobs = mirror(client, 'job_*');
await jobs.ready;
await client.broadcast({ event: 'job_started', payload: { job: { name: 'build' } } });
await client.broadcast({ event: 'job_removed', payload: { job: { name: 'test' } } });
await jobs.sync();
console.log([...jobs].map(([name, { event, payload }]) => \`\${name} \${event} \${payload.job.name}\`).join());
await client.close();
`;

test("a mirror of a team's own events is typed, uses the keys of their contract, and removes entries at their deletion events", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-jobs-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'jobs.yaml');
  await writeFile(file, CONTRACT);
  const { contract } = await buildContract(file);
  const { gateway, url } = await serve({ contract, broadcast: 'on' });
  await gateway.publish('job_started', { job: { name: 'test' } });
  const out = join(directory, 'client');
  await generateTo({ contract: file, out, importEnding: '.ts' });
  await writeFile(join(out, 'package.json'), '{ "type": "module" }');
  await writeFile(join(out, 'main.ts'), PROGRAM(url));
  expect(await compile({ cwd: out, files: ['main.ts'] })).toBe('');
  expect(await run([process.execPath, pathToFileURL(join(out, 'main.ts')).pathname], { cwd: out })).toEqual({
    code: 0,
    output: 'build job_started build\n',
  });
});
