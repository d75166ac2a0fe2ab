/**
 * Checks the layout of the project by the imports of its files. Every file in src/, conformance/ and mcp/ belongs to exactly one layer. A
 * layer may import the layers below it. Rooms of the same layer may import one another.
 */
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cycles, importsOf } from './testing/source-imports.ts';
import type { Sources } from './testing/source-imports.ts';

const LAYERS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'src/': [
    ['cli/'],
    ['mock/'],
    ['gateway.ts', 'config/'],
    ['assembly.ts'],
    ['http/', 'sources/'],
    ['connections/'],
    ['handlers/'],
    ['introspection/', 'delivery/', 'publishing/'],
    ['session/'],
    ['subscriptions/', 'wire/', 'options.ts'],
    ['broker/', 'auth/'],
    ['agents/'],
    ['replay/'],
    ['catalogue/'],
    ['errors.ts', 'version.ts'],
  ],
  'conformance/': [
    ['command/'],
    ['adversary/'],
    ['mutants/', 'hostile/', 'record/', 'generalise/', 'client/'],
    ['report/'],
    ['runner/', 'exchanges/'],
    ['target/', 'invariants/'],
    ['tape/', 'filters/'],
    ['trace/'],
  ],
  'mcp/': [
    ['main.ts'],
    ['serve/'],
    ['server.ts'],
    ['tools/', 'resources/', 'events/'],
    ['webhooks/'],
    ['gateway/'],
    ['contract/'],
  ],
};

/** For each library, the places that may import it, as prefixes of paths. Each part of the project imports a library in one place only. */
const IMPORTERS: Readonly<Record<string, readonly string[]>> = {
  '@asyncapi/parser': ['codegen/contract.ts'],
  ajv: ['codegen/'],
  fastify: ['src/http/'],
  ioredis: ['src/broker/redis/'],
  'ipaddr.js': ['mcp/webhooks/endpoint.ts'],
  preact: ['src/http/console/'],
  uplot: ['src/http/console/charts.ts'],
  koffi: ['src/sources/engine/inotify.ts'],
  ws: ['src/connections/', 'src/mock/', 'conformance/target/socket.ts'],
};

/** Pairs of paths: a file below the first path must not import a file below the second path. */
const APART: readonly (readonly [string, string])[] = [
  ['src/', 'conformance/'],
  ['conformance/', 'src/'],
  ['conformance/', 'codegen/'],
  ['codegen/', 'src/'],
  ['codegen/', 'conformance/'],
  ['src/', 'mcp/'],
  ['mcp/', 'conformance/'],
  ['mcp/', 'codegen/'],
];

/** The parts of src/ that the MCP server may import, as prefixes of paths. */
const SHARED_WITH_MCP = [
  'src/agents/',
  'src/auth/request-target.ts',
  'src/catalogue/built-contract.ts',
  'src/catalogue/near-miss.ts',
  'src/cli/codegen.ts',
  'src/cli/credential-mask.ts',
  'src/cli/event-options.ts',
  'src/cli/exit.ts',
  'src/cli/handshake.ts',
  'src/cli/open-contract.ts',
  'src/cli/reason.ts',
  'src/cli/remote.ts',
  'src/cli/terminal.ts',
  'src/version.ts',
];

const ROOT = resolve(import.meta.dirname, '..');
const sources = readSources();

describe('the layers', () => {
  test('every file belongs to a layer', () => {
    expect(strayFiles(sources)).toEqual([]);
  });

  test('every room contains a file', () => {
    for (const [root, layers] of Object.entries(LAYERS))
      for (const room of layers.flat())
        expect([...sources.keys()].filter((path) => path.startsWith(`${root}${room}`))).not.toEqual([]);
  });

  test('no layer imports a layer above it', () => {
    expect(upwardImports(sources)).toEqual([]);
  });

  test('there is no import cycle, except between types if a comment gives the reason', () => {
    expect(cycles(sources)).toEqual([]);
  });

  test('each library is imported in one place only', () => {
    expect(strayLibraries(sources)).toEqual([]);
  });

  test('no file imports a part of the project that its own part must not import', () => {
    expect(bridges(sources)).toEqual([]);
  });

  test('the MCP server imports only the shared parts of src', () => {
    expect(unsharedImports(sources)).toEqual([]);
  });

  test('generated code imports only generated code', () => {
    expect(generatedImports(sources)).toEqual([]);
  });
});

/** A longer file has more than one topic, or functions that do not fit a screen. */
const MOST_LINES = 350;

test('no source file has more than 350 lines', () => {
  const files = globSync('{src,codegen,conformance,mcp,scripts,bench,examples}/**/*.{ts,py,lua}', {
    cwd: ROOT,
    exclude: ['**/node_modules', '**/dist'],
  });
  expect(files.length).toBeGreaterThan(900);
  const lines = (file: string): number => readFileSync(resolve(ROOT, file), 'utf8').split('\n').length - 1;
  expect(files.filter((file) => lines(file) > MOST_LINES)).toEqual([]);
});

describe('a violation is found', () => {
  test('when a lower layer imports a higher one', () => {
    const files = fixture({
      'src/broker/memory.ts': "import { route } from '../session/router.ts';",
      'src/session/router.ts': '',
    });
    expect(upwardImports(files)).toEqual(['src/broker/memory.ts → src/session/router.ts']);
  });

  test('when only a type is imported from a higher layer', () => {
    const files = fixture({ 'conformance/tape/tape.ts': "import type { Run } from '../runner/run.ts';" });
    expect(upwardImports(files)).toEqual(['conformance/tape/tape.ts → conformance/runner/run.ts']);
  });

  test('when a layer imports the gateway, which is above all layers', () => {
    const files = fixture({ 'src/http/routes.ts': "const { x } = await import('../gateway.ts');" });
    expect(upwardImports(files)).toEqual(['src/http/routes.ts → src/gateway.ts']);
  });

  test('when files import each other', () => {
    const files = fixture({
      'src/a.ts': "import { b } from './b.ts';",
      'src/b.ts': "import type { C } from './c.ts';",
      'src/c.ts': "import { a } from './a.ts';",
      'src/d.ts': "import { e } from './e.ts';",
      'src/e.ts': "// Import cycle of types only: each names the other.\nimport type { D } from './d.ts';",
    });
    expect(cycles(files)).toEqual(['src/b.ts → src/c.ts']);
    const atRunTime = fixture({ 'src/a.ts': "import { b } from './b.ts';", 'src/b.ts': "import { a } from './a.ts';" });
    expect(cycles(atRunTime)).toEqual(['src/a.ts → src/b.ts', 'src/b.ts → src/a.ts']);
  });

  test('when a file does not belong to a room', () => {
    const files = fixture({ 'src/helpers.ts': '', 'conformance/utilities/text.ts': '', 'codegen/model.ts': '' });
    expect(strayFiles(files)).toEqual(['src/helpers.ts', 'conformance/utilities/text.ts']);
  });

  test('when a library has a second importer, or a subpath of it has', () => {
    const files = fixture({
      'src/router.ts': "import Ajv from 'ajv/dist/2020.js';",
      'src/broker/memory.ts': "import { Redis } from 'ioredis';",
      'src/broker/redis/link.ts': "import { Redis } from 'ioredis';",
      'codegen/rules.ts': "import { Parser } from '@asyncapi/parser';",
    });
    expect(strayLibraries(files)).toEqual([
      'src/router.ts imports ajv, which belongs to codegen/',
      'src/broker/memory.ts imports ioredis, which belongs to src/broker/redis/',
      'codegen/rules.ts imports @asyncapi/parser, which belongs to codegen/contract.ts',
    ]);
  });

  test('when the conformance suite imports the gateway, or the reverse', () => {
    const files = fixture({
      'conformance/run.ts': "import {\n  createGateway, // the thing under test\n} from '../src/gateway.ts';",
      'src/cli/conformance.ts': "export * from '../../conformance/run.ts';",
    });
    expect(bridges(files)).toEqual([
      'conformance/run.ts → src/gateway.ts',
      'src/cli/conformance.ts → conformance/run.ts',
    ]);
  });

  test('when the MCP server imports a part of the gateway', () => {
    const files = fixture({
      'mcp/server.ts':
        "import { call } from '../src/cli/remote.ts';\nimport { createGateway } from '../src/gateway.ts';",
    });
    expect(unsharedImports(files)).toEqual(['mcp/server.ts → src/gateway.ts']);
  });

  test('when generated code imports a library, a Node module or the sources', () => {
    const files = fixture({
      'generated/client.ts':
        "import { X } from './types.ts';\nimport 'node:fs';\nimport ws from 'ws';\nexport * from '../src/codec.ts';",
    });
    expect(generatedImports(files)).toEqual([
      'generated/client.ts → node:fs',
      'generated/client.ts → ws',
      'generated/client.ts → src/codec.ts',
    ]);
  });

  test('but texts in comments, strings and templates that look like imports are ignored', () => {
    const text =
      "// import { a } from 'ws';\n/* import b from 'ws'; */\nconst c = \"import d from 'ws'\", e = `\nimport f from 'ws';\n`;";
    expect(importsOf('src/router.ts', text)).toEqual([]);
  });
});

function strayFiles(files: Sources): string[] {
  return [...files.keys()].filter(
    (path) => Object.keys(LAYERS).some((root) => path.startsWith(root)) && layerOf(path) === undefined,
  );
}

function upwardImports(files: Sources): string[] {
  return [...files].flatMap(([path, text]) => {
    const own = layerOf(path);
    if (own === undefined) return [];
    return importsOf(path, text)
      .filter((target) => {
        const other = layerOf(target);
        return other !== undefined && other.root === own.root && other.index < own.index;
      })
      .map((target) => `${path} → ${target}`);
  });
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

function unsharedImports(files: Sources): string[] {
  return [...files]
    .filter(([path]) => path.startsWith('mcp/'))
    .flatMap(([path, text]) =>
      importsOf(path, text)
        .filter((target) => target.startsWith('src/') && !SHARED_WITH_MCP.some((shared) => target.startsWith(shared)))
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

/** The layer of a file: the part of the project, and the index of the layer, counted from the top. */
function layerOf(path: string): { readonly root: string; readonly index: number } | undefined {
  const root = Object.keys(LAYERS).find((each) => path.startsWith(each));
  if (root === undefined) return undefined;
  const index = (LAYERS[root] ?? []).findIndex((layer) => layer.some((room) => path.startsWith(`${root}${room}`)));
  return index === -1 ? undefined : { root, index };
}

function readSources(): Sources {
  const paths = globSync('{src,codegen,conformance,generated,mcp}/**/*.{ts,tsx,js}', {
    cwd: ROOT,
    exclude: ['**/node_modules/**', '**/dist/**', '**/*.test.ts', '**/*-suite.ts', '**/testing/**'],
  });
  return new Map(paths.toSorted().map((path) => [path, readFileSync(resolve(ROOT, path), 'utf8')]));
}

function fixture(files: Readonly<Record<string, string>>): Sources {
  return new Map(Object.entries(files));
}
