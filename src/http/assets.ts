/** The documents that the gateway serves, with the headers of the page. */
import { createHash } from 'node:crypto';
import type { Catalogue } from '../catalogue/catalogue.ts';

export interface DocumentAssets {
  readonly contract: { readonly yaml: string; readonly json: string };
  readonly docs: { readonly html: string; readonly headers: Readonly<Record<string, string>> };
}

export function documentAssets(catalogue: Catalogue): DocumentAssets {
  const { asyncapi, bundle, docs } = catalogue.documents();
  const html = docs.replace('</body>', `${SEARCH}\n</body>`);
  return { contract: { yaml: asyncapi, json: bundle }, docs: { html, headers: pageHeaders(html) } };
}

/**
 * The search of the page, among the scripts of the console. Only the gateway adds it: the page as a file works without. Its address is
 * relative, because a proxy may have put the gateway below a prefix.
 */
const SEARCH = '<script type="module" src="console/reference-search.js"></script>';

/** The page may use its own style and the gateway's scripts, and nothing else (Content Security Policy Level 3, hash sources). */
function pageHeaders(html: string): Readonly<Record<string, string>> {
  const [, style = ''] = /<style>([^]*?)<\/style>/.exec(html) ?? [];
  const hash = createHash('sha256').update(style).digest('base64');
  return {
    'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
}
