import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const KIB = 1024;

/** Size in bytes of one entry point as a page loads it: bundled, minified and compressed. */
async function sizeOf(entry: string): Promise<number> {
  const entryPoint = fileURLToPath(new URL(`../../generated/${entry}`, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [entryPoint],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  });
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length;
}

test('the client is at most 12 KiB for a page', async () => {
  expect(await sizeOf('client.ts')).toBeLessThanOrEqual(12 * KIB);
});
