/** The contract and the reference that the gateway serves, with their HTTP headers. */
import { createHash } from 'node:crypto';
import type { Catalogue } from '../catalogue/catalogue.ts';

interface ServedDocument {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface DocumentAssets {
  readonly contract: { readonly yaml: string; readonly json: string };
  /**
   * The reference as an HTML page and as Markdown. A contract that was built by an earlier version has no Markdown. In this case,
   * `markdown` is the HTML page too.
   */
  readonly docs: { readonly page: ServedDocument; readonly markdown: ServedDocument };
}

export function documentAssets(catalogue: Catalogue): DocumentAssets {
  const { asyncapi, bundle, docs, docsText } = catalogue.documents();
  const page = { text: docs, headers: pageHeaders(docs) };
  const markdown = docsText === undefined ? page : { text: withoutFileLinks(docsText), headers: MARKDOWN_HEADERS };
  return { contract: { yaml: asyncapi, json: bundle }, docs: { page, markdown } };
}

/** Replaces links to files of the repository, such as tapes, by their text, because a gateway does not serve these files. */
function withoutFileLinks(markdown: string): string {
  return markdown.replaceAll(/\[([^\]\n]+)\]\((?:\.\.\/|index\.html)[^)\s]*\)/g, '$1');
}

const COMMON_HEADERS = { vary: 'Accept', 'x-content-type-options': 'nosniff' } as const;
/** The media type of Markdown (RFC 7763). */
const MARKDOWN_HEADERS = { ...COMMON_HEADERS, 'content-type': 'text/markdown; charset=utf-8' } as const;

/** The headers of a page. The page may use its own inline style, and no other resource (Content Security Policy Level 3, hash sources). */
export function pageHeaders(html: string): Readonly<Record<string, string>> {
  const [, style = ''] = /<style>([^]*?)<\/style>/.exec(html) ?? [];
  const hash = createHash('sha256').update(style).digest('base64');
  return {
    ...COMMON_HEADERS,
    'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'content-type': 'text/html; charset=utf-8',
    'referrer-policy': 'no-referrer',
  };
}
