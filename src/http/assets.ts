/** Finds the files that the gateway serves as they are: in a clone beside `src/`, in the published package beside `dist/`. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

function locate(path: string): URL {
  const places = [new URL(`../../${path}`, import.meta.url), new URL(`../../../${path}`, import.meta.url)];
  const found = places.find((each) => existsSync(each));
  if (found === undefined) throw new Error(`The package is incomplete: ${path} is missing. Install it again.`);
  return found;
}

export interface DocumentAssets {
  readonly contract: URL;
  readonly docs: { readonly html: string; readonly headers: Readonly<Record<string, string>> };
}

export function documentAssets(): DocumentAssets {
  const html = readFileSync(locate('docs/reference/index.html'), 'utf8');
  return { contract: locate('asyncapi.yaml'), docs: { html, headers: pageHeaders(html) } };
}

/** The page may use its own style and nothing else (Content Security Policy Level 3, hash sources). */
function pageHeaders(html: string): Readonly<Record<string, string>> {
  const [, style = ''] = /<style>([^]*?)<\/style>/.exec(html) ?? [];
  const hash = createHash('sha256').update(style).digest('base64');
  return {
    'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
}
