/** The style sheet and the scripts of the site. In a clone the types of the scripts are stripped; in the package they are compiled. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FRAME_STYLE } from './frame-style.ts';
import { STYLE } from '../emit/reference/style.ts';
import { stripTypes } from './strip-types.ts';

const SCRIPTS = new URL('browser/', import.meta.url);

/** The text of each file, by its name. */
export function readAssets(): ReadonlyMap<string, string> {
  const ending = existsSync(new URL('site.ts', SCRIPTS)) ? '.ts' : '.js';
  const scripts = readdirSync(SCRIPTS).filter((name) => name.endsWith(ending) && !/\.(?:test|d)\./.test(name));
  return new Map([
    ['site.css', STYLE + FRAME_STYLE],
    ['minisearch.js', withoutMap(readFileSync(fileURLToPath(import.meta.resolve('minisearch')), 'utf8'))],
    ...scripts.map((name): [string, string] => [name.replace(/\.ts$/, '.js'), readScript(name)]),
  ]);
}

function readScript(name: string): string {
  const text = readFileSync(new URL(name, SCRIPTS), 'utf8');
  const script = name.endsWith('.ts') ? stripTypes(text) : withoutMap(text);
  return script
    .replaceAll(/(from '[^']*)\.ts'/g, "$1.js'")
    .replaceAll(/(import\('[^']*)\.ts'\)/g, "$1.js')")
    .replaceAll("from 'minisearch'", "from './minisearch.js'");
}

/** Removes the reference to a source map, because the site has no source maps. */
function withoutMap(text: string): string {
  return text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
}
