/**
 * Lists the watched directory through the gateway (`POST /ws/files`), page by page, so that the list ignores the same
 * paths as the gateway's events do.
 */
import type { FilesPage, Position } from 'tidemark-client/types';

export interface Listing {
  readonly paths: readonly string[];
  /** `file_change` events after this position report what has changed since the listing. */
  readonly resumeAfter: Position;
}

/** @param directory a directory below the root; `''` is the root itself */
export async function listFiles(gateway: string, directory: string): Promise<Listing> {
  const address = new URL(`${gateway.replace(/^ws/, 'http')}/files`);
  const token = process.env['TIDEMARK_TOKEN'];
  const paths: string[] = [];
  let cursor: string | undefined;
  let first: FilesPage | undefined;
  do {
    const page = await askFor(address, token, {
      ...(directory === '' ? {} : { filter: { paths: [directory] } }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    first ??= page;
    paths.push(...page.entries.filter(({ fileType }) => fileType === 'file').map(({ path }) => path));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { paths, resumeAfter: first.resumeAfter };
}

async function askFor(address: URL, token: string | undefined, body: object): Promise<FilesPage> {
  const response = await fetch(address, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok)
    throw new Error(`POST ${address.pathname} failed with ${response.status}: ${await response.text()}`);
  return (await response.json()) as FilesPage;
}
