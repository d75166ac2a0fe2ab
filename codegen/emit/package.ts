/** Emits `package.json` of the client package. */
import type { Contract } from '../model.ts';

/** The first Node version with a built-in WebSocket. */
export const NODE = '>=22.4';

const HOME = 'https://tidemark.example';

export function emitPackage(contract: Contract): string {
  const module = (name: string): object => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
  const manifest = {
    name: 'tidemark-client',
    version: contract.version,
    description:
      'Typed client of the Tidemark protocol: events over WebSocket with replay and reported gaps, without dependencies.',
    license: contract.license,
    homepage: HOME,
    bugs: { url: `${HOME}/issues` },
    repository: { type: 'git', url: `git+${HOME}/tidemark.git`, directory: 'generated' },
    keywords: ['events', 'websocket', 'client', 'sdk', 'real-time', 'typescript'],
    type: 'module',
    sideEffects: false,
    engines: { node: NODE },
    exports: {
      '.': module('client'),
      './diagnose': module('runtime/diagnose'),
      './mirror': module('mirror'),
      './streams': module('streams'),
      './types': module('types'),
      './protocol': module('protocol'),
      './validators': module('validators'),
      './handlers': module('handlers'),
      './schemas/*': './schemas/*',
      './contract.json': './contract.json',
      './package.json': './package.json',
    },
    files: ['dist', 'schemas', 'contract.json'],
    // `npm install ../tidemark/generated` links this directory of the clone, and runs the script `prepare`. The script
    // compiles the exported files.
    scripts: { prepare: 'node ../scripts/build.ts client' },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
