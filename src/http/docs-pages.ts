/** Serves the documentation at `/docs` and below (OPS-4, OPS-7). */
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { wantsMarkdown } from './accept-header.ts';
import { pageHeaders } from './assets.ts';
import type { DocumentAssets } from './assets.ts';
import type { DocsSite, SiteFile } from './docs-site.ts';

export interface DocsOptions {
  readonly site: DocsSite;
  readonly assets: DocumentAssets;
  /** The path of the WebSocket. */
  readonly path: string;
}

/**
 * The start page, which is sent for the address `/docs`. Because this address does not end with a slash, the links of the page are relative
 * to the parent directory.
 */
const ENTRY = 'entry.html';
/**
 * How long a request for `/docs` waits for the site, in milliseconds. In a clone, the first request renders the site. If this takes longer,
 * the visitor receives the reference on one page instead.
 */
const RENDER_PATIENCE_MS = 3_000;
/** The reference on one page. It contains its own style. */
const ONE_PAGE = 'all.html';

/** A page may load only files of the gateway. Inline scripts, inline styles and `eval` are forbidden. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
} as const;

/**
 * Answers `/docs` with the start page of the documentation, or with the whole reference as Markdown if the client wants Markdown. If there
 * is no site, or a clone is still rendering it, the answer is the reference on one page.
 */
export async function sendDocs(
  request: FastifyRequest,
  reply: FastifyReply,
  { site, assets }: DocsOptions,
): Promise<FastifyReply> {
  if (wantsMarkdown(request.headers.accept))
    return reply.headers(assets.docs.markdown.headers).send(assets.docs.markdown.text);
  void reply.header('vary', 'Accept');
  const known = site.etagOf(ENTRY);
  if (isUnchanged(request, known)) return sendUnchanged(reply, known);
  const entry = await Promise.race([site.file(ENTRY), delay(RENDER_PATIENCE_MS, undefined, { ref: false })]);
  if (entry === undefined) return reply.headers(assets.docs.page.headers).send(assets.docs.page.text);
  return sendFile(request, reply, entry);
}

function isUnchanged({ headers }: FastifyRequest, etag: string | undefined): etag is string {
  return etag !== undefined && headers['if-none-match'] === etag;
}

/** A 304 response has no other headers: the client keeps the headers of its copy (RFC 9110, 15.4.5). */
function sendUnchanged(reply: FastifyReply, etag: string): FastifyReply {
  return reply.code(304).headers({ etag, 'cache-control': HEADERS['cache-control'] }).send();
}

function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  { bytes, contentType, etag }: SiteFile,
  headers: Readonly<Record<string, string>> = HEADERS,
): FastifyReply {
  if (isUnchanged(request, etag)) return sendUnchanged(reply, etag);
  return reply
    .headers({ ...headers, etag })
    .type(contentType)
    .send(bytes);
}

/** Registers the pages, the scripts and the style sheet below `/docs/`. */
export function registerDocsPages(app: FastifyInstance, { site, path }: DocsOptions): void {
  // The path is relative to the directory of the site, because a proxy may serve the site and the WebSocket under a prefix that the gateway
  // does not know.
  app.get('/docs/gateway.json', async (_request, reply) => reply.headers(HEADERS).send({ webSocket: path.slice(1) }));
  app.get('/docs/*', async (request, reply) => {
    const { '*': asked } = request.params as { readonly '*': string };
    const name = asked === '' ? 'index.html' : asked;
    if (name === ENTRY) return reply.callNotFound();
    const known = site.etagOf(name);
    if (isUnchanged(request, known)) return sendUnchanged(reply, known);
    const file = await site.file(name);
    if (file === undefined) return reply.callNotFound();
    return sendFile(request, reply, file, name === ONE_PAGE ? pageHeaders(file.bytes.toString('utf8')) : HEADERS);
  });
}
