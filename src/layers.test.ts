/**
 * The layout of the project, asserted from the imports of its files. Layers, from the top:
 *
 *   cli → gateway → {socket, http, sources} → router → handlers → {subscriptions, broker, auth} → replay → generated
 *
 * The other files directly in src/ (codec, errors, session, …) stand beside the layers. They may be imported from anywhere,
 * but lend nobody a way up: what a file reaches through them counts as imported by itself.
 */
import { globSync, readFileSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

type Sources = ReadonlyMap<string, string>;

const LAYERS: readonly (readonly string[])[] = [
  ['src/cli/'],
  ['src/gateway.ts'],
  ['src/socket/', 'src/http/', 'src/sources/'],
  ['src/router.ts'],
  ['src/handlers/'],
  ['src/subscriptions/', 'src/broker/', 'src/auth/'],
  ['src/replay/'],
  ['generated/'],
];

/** Each library, and the starts of the paths of the files that may import it: one place in each of the programs. */
const IMPORTERS: Readonly<Record<string, readonly string[]>> = {
  '@asyncapi/parser': ['codegen/contract.ts'],
  ajv: ['codegen/'],
  fastify: ['src/http/'],
  ioredis: ['src/broker/redis'],
  ws: ['src/socket/', 'conformance/socket.ts'],
};

/** Where a file of the first path must import nothing that lies under the second. */
const APART: readonly (readonly [string, string])[] = [
  ['src/', 'conformance/'],
  ['conformance/', 'src/'],
  ['conformance/', 'codegen/'],
  ['codegen/', 'src/'],
  ['codegen/', 'conformance/'],
];

const sources = readSources();

describe('the layers', () => {
  test('are all there to be checked', () => {
    for (const layer of LAYERS.flat())
      expect([...sources.keys()].filter((path) => path.startsWith(layer))).not.toEqual([]);
  });

  test('are imported downwards only', () => {
    expect(upwardImports(sources)).toEqual([]);
  });

  test('know each library in one place', () => {
    expect(strayLibraries(sources)).toEqual([]);
  });

  test('keep src, codegen and conformance apart', () => {
    expect(bridges(sources)).toEqual([]);
  });

  test('end in generated code that imports nothing but itself', () => {
    expect(generatedImports(sources)).toEqual([]);
  });
});

describe('a violation is found', () => {
  test('when a lower layer imports a higher one', () => {
    const files = fixture({ 'src/broker/memory.ts': "import { route } from '../router.ts';", 'src/router.ts': '' });
    expect(upwardImports(files)).toEqual(['src/broker/memory.ts → src/router.ts']);
  });

  test('when a file beside the layers is the way up', () => {
    const files = fixture({
      'src/replay/ring.ts': "import type { Session } from '../session.ts';",
      'src/session.ts': "export type { Door } from './socket/door.ts';",
      'src/socket/door.ts': "import { Session } from '../session.ts';",
    });
    expect(upwardImports(files)).toEqual(['src/replay/ring.ts → src/session.ts → src/socket/door.ts']);
  });

  test('when a layer imports the gateway, which wires it', () => {
    const files = fixture({
      'src/http/routes.ts': "const { x } = await import('../gateway.ts');",
      'src/gateway.ts': '',
    });
    expect(upwardImports(files)).toEqual(['src/http/routes.ts → src/gateway.ts']);
  });

  test('when a library has a second importer, or a subpath of it has', () => {
    const files = fixture({
      'src/router.ts': "import Ajv from 'ajv/dist/2020.js';",
      'src/broker/memory.ts': "import { Redis } from 'ioredis';",
      'src/broker/redis-link.ts': "import { Redis } from 'ioredis';",
      'codegen/rules.ts': "import { Parser } from '@asyncapi/parser';",
    });
    expect(strayLibraries(files)).toEqual([
      'src/router.ts imports ajv, which belongs to codegen/',
      'src/broker/memory.ts imports ioredis, which belongs to src/broker/redis',
      'codegen/rules.ts imports @asyncapi/parser, which belongs to codegen/contract.ts',
    ]);
  });

  test('when the conformance suite and the gateway meet elsewhere than over a socket', () => {
    const files = fixture({
      'conformance/run.ts': "import {\n  createGateway, // the thing under test\n} from '../src/gateway.ts';",
      'src/cli/conformance.ts': "export * from '../../conformance/run.ts';",
    });
    expect(bridges(files)).toEqual([
      'conformance/run.ts → src/gateway.ts',
      'src/cli/conformance.ts → conformance/run.ts',
    ]);
  });

  test('when generated code imports a library, a Node module or the sources', () => {
    const files = fixture({
      'generated/client.ts':
        "import { X } from './types.ts';\nimport 'node:fs';\nimport ws from 'ws';\nexport * from './wire/codec.ts';",
    });
    expect(generatedImports(files)).toEqual([
      'generated/client.ts → node:fs',
      'generated/client.ts → ws',
      'generated/client.ts → src/codec.ts',
    ]);
  });

  test('but not in comments, strings and templates that look like imports', () => {
    const text =
      "// import { a } from 'ws';\n/* import b from 'ws'; */\nconst c = \"import d from 'ws'\", e = `\nimport f from 'ws';\n`;";
    expect(importsOf('src/router.ts', text)).toEqual([]);
  });
});

function upwardImports(files: Sources): string[] {
  const found: string[] = [];
  for (const path of files.keys()) {
    const own = layerOf(path);
    if (own === undefined) continue;
    for (const chain of reach(files, path)) {
      const other = layerOf(chain.at(-1) ?? '');
      if (other !== undefined && other < own) found.push(chain.join(' → '));
    }
  }
  return found;
}

/** The shortest chain from a file to each layered file that it imports, be it through files that stand beside the layers. */
function* reach(files: Sources, path: string): Generator<readonly string[]> {
  const seen = new Set([path]);
  const chains: (readonly string[])[] = [[path]];
  for (let chain = chains.shift(); chain !== undefined; chain = chains.shift()) {
    const last = chain.at(-1) ?? path;
    if (last !== path && layerOf(last) !== undefined) {
      yield chain;
      continue;
    }
    for (const next of importsOf(last, files.get(last) ?? '')) {
      if (seen.has(next)) continue;
      seen.add(next);
      chains.push([...chain, next]);
    }
  }
}

function strayLibraries(files: Sources): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    for (const specifier of importsOf(path, text)) {
      const library = Object.keys(IMPORTERS).find((name) => specifier === name || specifier.startsWith(`${name}/`));
      const places = library === undefined ? undefined : IMPORTERS[library];
      if (places !== undefined && !places.some((place) => path.startsWith(place)))
        found.push(`${path} imports ${library}, which belongs to ${places.join(' and ')}`);
    }
  }
  return found;
}

function bridges(files: Sources): string[] {
  return [...files].flatMap(([path, text]) =>
    importsOf(path, text)
      .filter((target) => APART.some(([from, to]) => path.startsWith(from) && target.startsWith(to)))
      .map((target) => `${path} → ${target}`),
  );
}

function generatedImports(files: Sources): string[] {
  return [...files]
    .filter(([path]) => path.startsWith('generated/'))
    .flatMap(([path, text]) =>
      importsOf(path, text)
        .filter((target) => !target.startsWith('generated/'))
        .map((target) => `${path} → ${target}`),
    );
}

function layerOf(path: string): number | undefined {
  const index = LAYERS.findIndex((layer) => layer.some((start) => path.startsWith(start)));
  return index === -1 ? undefined : index;
}

/** What a file imports, types included: paths from the root for its own files, else the name of the library or module. */
function importsOf(path: string, text: string): string[] {
  const specifiers = [...withoutComments(text).matchAll(STATEMENT)].map((match) => match[1] ?? match[2] ?? '');
  const targets = specifiers.map((specifier) =>
    specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier,
  );
  return [...new Set(targets)];
}

/** `import … from 'x'`, `export … from 'x'` and `import 'x'` where a statement starts; `import('x')` anywhere. */
const STATEMENT =
  /(?:^|;)[ \t]*(?:import|export)\b(?:[^'"`;=()]*?\bfrom)?\s*['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/gm;

/** Blanks comments and templates, and keeps strings whole, so that neither is read as the other. */
function withoutComments(text: string): string {
  return text.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|`(?:\\[\s\S]|[^\\`])*`|"(?:\\.|[^\\"\n])*"|'(?:\\.|[^\\'\n])*'/g,
    (token) => (token.startsWith('/') || token.startsWith('`') ? ' ' : token),
  );
}

function readSources(): Sources {
  const root = resolve(import.meta.dirname, '..');
  const paths = globSync('{src,codegen,conformance,generated}/**/*.{ts,tsx,js}', {
    cwd: root,
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.test.ts', '**/*-suite.ts', '**/testing/**'],
  });
  return new Map(paths.toSorted().map((path) => [path, readFileSync(resolve(root, path), 'utf8')]));
}

function fixture(files: Readonly<Record<string, string>>): Sources {
  return new Map(Object.entries(files));
}
