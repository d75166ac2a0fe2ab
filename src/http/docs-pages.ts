/** Serves the documentation at `/docs` and below (OPS-4, OPS-7). */
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { wantsMarkdown } from './accept.ts';
import { pageHeaders } from './assets.ts';
import type { DocumentAssets } from './assets.ts';
import type { DocsSite, SiteFile } from './docs-site.ts';

export interface DocsOptions {
  readonly site: DocsSite;
  readonly assets: DocumentAssets;
  /** The path of the WebSocket. */
  readonly path: string;
}

/** The page whose links are relative to the directory above, because `/docs` has no slash at its end. */
const ENTRY = 'entry.html';
/** How long a visitor waits for a clone to render the site before the reference on one page is served, in milliseconds. */
const RENDER_PATIENCE_MS = 3_000;
/** The reference on one page, with its own style. */
const ONE_PAGE = 'all.html';

/** A page may load only what the gateway itself serves: no inline script or style, and no evaluation of text. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
} as const;

/**
 * The start of the documentation, or the whole reference as Markdown. Without a site, or while a clone still renders it, the reference on one
 * page.
 */
export async function sendDocs(
  request: FastifyRequest,
  reply: FastifyReply,
  { site, assets }: DocsOptions,
): Promise<FastifyReply> {
  if (wantsMarkdown(request.headers.accept))
    return reply.headers(assets.docs.markdown.headers).send(assets.docs.markdown.text);
  const entry = await Promise.race([site.file(ENTRY), delay(RENDER_PATIENCE_MS, undefined, { ref: false })]);
  if (entry === undefined) return reply.headers(assets.docs.page.headers).send(assets.docs.page.text);
  void reply.header('vary', 'Accept');
  return sendFile(request, reply, entry, HEADERS);
}

function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { bytes, contentType, etag }: SiteFile,
  headers: Readonly<Record<string, string>>,
): FastifyReply {
  void reply.headers({ ...headers, etag });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.type(contentType).send(bytes);
}

/** The pages, scripts and the style sheet below `/docs/`. */
export function registerDocsPages(app: FastifyInstance, { site, path }: DocsOptions): void {
  // Relative to the directory of the site: a proxy may have put both below a prefix that the gateway does not know.
  app.get('/docs/gateway.json', async (_request, reply) => reply.headers(HEADERS).send({ webSocket: path.slice(1) }));
  app.get('/docs/*', async (request, reply) => {
    const { '*': asked } = request.params as { readonly '*': string };
    const name = asked === '' ? 'index.html' : asked;
    const file = name === ENTRY ? undefined : await site.file(name);
    if (file === undefined) return reply.callNotFound();
    return sendFile(request, reply, file, name === ONE_PAGE ? pageHeaders(file.bytes.toString('utf8')) : HEADERS);
  });
}
