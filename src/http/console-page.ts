/**
 * Serves the console (OPS-4): a page, its style, and its scripts, which the browser loads as modules. The package contains compiled
 * scripts. In a clone, types are stripped from the TypeScript sources when they are served, so no build is needed.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';

const PAGE = new URL('console/', import.meta.url);
/** The generated client, which the console uses as any other web page would. */
const CLIENT = new URL('../../generated/', import.meta.url);

/** The libraries that the console uses. The package has copies beside the page; a clone serves the installed files. */
const LIBRARIES: Readonly<Record<string, { readonly specifier: string; readonly type: string }>> = {
  'preact.js': { specifier: 'preact', type: 'text/javascript' },
  'uplot.js': { specifier: 'uplot/dist/uPlot.esm.js', type: 'text/javascript' },
  'uplot.css': { specifier: 'uplot/dist/uPlot.min.css', type: 'text/css' },
};

/** With these headers, a page may use only scripts, styles and connections of its own origin, and no inline script or style. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

/**
 * Matches `console.js`, `client/client.js` and `client/runtime/feed.js`. A path can contain only one dot, so it cannot name a file outside
 * the directory.
 */
const SCRIPT = /^(client\/)?((?:runtime\/)?[a-z-]+)\.js$/;

/** Reads a module as JavaScript, with imports that the browser can resolve. @returns undefined if the module does not exist */
async function readScript(name: string): Promise<string | undefined> {
  const [, client, stem = ''] = SCRIPT.exec(name) ?? [];
  const base = client === undefined ? PAGE : CLIENT;
  const [built, source] = [new URL(`${stem}.js`, base), new URL(`${stem}.ts`, base)];
  if (stem === '' || !(existsSync(built) || existsSync(source))) return undefined;
  const text = existsSync(built) ? await readFile(built, 'utf8') : await stripTypes(await readFile(source, 'utf8'));
  return text
    .replaceAll(/(from '[^']*)\.ts'/g, "$1.js'")
    .replaceAll(/(from ')(preact|uplot)'/g, "$1./vendor/$2.js'")
    .replaceAll(/(from ')(?:\.\.\/){3}generated\//g, '$1./client/');
}

/** Reads a library of the console. @returns undefined if the console does not use a library with this name */
async function readLibrary(name: string): Promise<{ readonly text: string; readonly type: string } | undefined> {
  const library = Object.hasOwn(LIBRARIES, name) ? LIBRARIES[name] : undefined;
  if (library === undefined) return undefined;
  const copy = new URL(`vendor/${name}`, PAGE);
  const text = await readFile(existsSync(copy) ? copy : new URL(import.meta.resolve(library.specifier)), 'utf8');
  return { text: text.replace(/^\/\/# sourceMappingURL=.*$/m, ''), type: library.type };
}

/** Removes the types from TypeScript. Used only in a clone, where `codegen/` is beside `src/`. */
async function stripTypes(source: string): Promise<string> {
  const stripper = (await import(new URL('../../codegen/site/strip-types.ts', import.meta.url).href)) as {
    readonly stripTypes: (source: string) => string;
  };
  return stripper.stripTypes(source);
}

/**
 * Sends the page of the console.
 * @param path path of the WebSocket. The page receives it relative to its own address, because a proxy may serve the page and the WebSocket
 * under a prefix that the gateway does not know.
 */
export async function sendConsole(reply: FastifyReply, path: string): Promise<FastifyReply> {
  const html = await readFile(new URL('index.html', PAGE), 'utf8');
  return reply
    .headers(HEADERS)
    .type('text/html; charset=utf-8')
    .send(html.replace('{{path}}', path.slice(1)));
}

/** Registers the style and the scripts of the page. */
export function registerConsoleAssets(app: FastifyInstance): void {
  app.get('/console/console.css', async (_request, reply) =>
    reply
      .headers(HEADERS)
      .type('text/css; charset=utf-8')
      .send(await readFile(new URL('console.css', PAGE))),
  );
  app.get('/console/vendor/:name', async (request, reply) => {
    const library = await readLibrary((request.params as { readonly name: string }).name);
    if (library === undefined) return reply.callNotFound();
    return reply.headers(HEADERS).type(`${library.type}; charset=utf-8`).send(library.text);
  });
  app.get('/console/*', async (request, reply) => {
    const script = await readScript((request.params as { readonly '*': string })['*']);
    if (script === undefined) return reply.callNotFound();
    return reply.headers(HEADERS).type('text/javascript; charset=utf-8').send(script);
  });
}
