/**
 * Follows the file changes of a gateway and publishes the graph of the sources: what they declare, contain and import.
 *
 *     node indexer.ts [gateway] [directory]
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient, isGap } from 'tidemark-client';
import { mirror } from 'tidemark-client/mirror';
import { Publication, SOURCE_NAME } from './publication.ts';
import { NO_GRAPH, graphOf, isSource, pathOf } from './source-graph.ts';
import type { Entity, Relationship, SourceGraph } from './source-graph.ts';
import { listFiles } from './watched-files.ts';

const [gateway = 'ws://127.0.0.1:7400/ws', directory = '.'] = process.argv.slice(2);
const token = process.env['TIDEMARK_TOKEN'];
const client = createClient({ url: gateway, ...(token === undefined ? {} : { token }) });
const entities = mirror(client, 'entity_*');
const relationships = mirror(client, 'relationship_*');
const publication = new Publication(client);

/** Reads what this program has published, also in earlier runs. The gateway keeps the newest event of each id. */
async function publishedFiles(): Promise<Map<string, SourceGraph>> {
  await Promise.all([entities.ready, relationships.ready]);
  await Promise.all([entities.sync(), relationships.sync()]);
  const files = new Map<string, { readonly entities: Entity[]; readonly relationships: Relationship[] }>();
  const graphAt = (path: string) => {
    const graph = files.get(path) ?? { entities: [], relationships: [] };
    files.set(path, graph);
    return graph;
  };
  // These casts are safe: this program published the events, so their payloads match its types.
  for (const { source, payload } of entities.values()) {
    const { changedFields: _changed, ...entity } = { changedFields: [], ...payload };
    if (source.name === SOURCE_NAME) graphAt(pathOf(payload.id)).entities.push(entity as unknown as Entity);
  }
  for (const { source, payload } of relationships.values())
    if (source.name === SOURCE_NAME)
      graphAt(pathOf(payload.fromEntityId)).relationships.push(payload as unknown as Relationship);
  return files;
}

/**
 * Reads one file and publishes how it changed. If a file cannot be parsed, its published entities are kept until it can
 * be parsed again.
 */
async function index(path: string, cause: string): Promise<number> {
  if (!isSource(path)) return 0;
  const text = await readFile(join(directory, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return undefined;
    throw error;
  });
  try {
    return await publication.update(path, text === undefined ? NO_GRAPH : graphOf(path, text), cause);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    console.error(`${path}: ${error.message}; its entities stay as they are`);
    return 0;
  }
}

/**
 * Compares all files below some directories with what is published, and publishes the differences. @returns the
 * position from which events continue
 */
async function rescan(
  directories: readonly string[],
): Promise<{ readonly epoch: string; readonly sequenceId: number }> {
  publication.learn(await publishedFiles());
  let [published, files] = [0, 0];
  let resumeAfter: Awaited<ReturnType<typeof listFiles>>['resumeAfter'] | undefined;
  for (const each of directories) {
    const listing = await listFiles(gateway, each);
    resumeAfter ??= listing.resumeAfter;
    const cause = `rescan ${listing.resumeAfter.epoch}.${listing.resumeAfter.sequenceId}`;
    // Include published files, because files that have been deleted are not in the listing.
    const paths = new Set([...listing.paths.filter(isSource), ...publication.filesBelow(each)]);
    files += paths.size;
    for (const path of paths) published += await index(path, cause);
  }
  if (resumeAfter === undefined) throw new Error('a rescan needs a directory');
  console.log(`scanned ${files} files: ${published} events published`);
  return resumeAfter;
}

const after = await rescan(['']);
const changes = client.subscribe({ events: ['file_change'], replay: { mode: 'resume', after }, gaps: 'inline' });
for await (const item of changes) {
  if (isGap(item)) {
    console.log(`gap: ${item.reason}`);
    await rescan(item.repair?.kind === 'rescan' ? item.repair.paths : ['']);
    continue;
  }
  const { path, previousPath, changeType, fileType } = item.payload;
  const places = [path, ...(previousPath === undefined ? [] : [previousPath])];
  if (fileType === 'directory') {
    if (changeType === 'delete' || changeType === 'rename') await rescan(places);
    continue;
  }
  const cause = `${item.epoch}.${item.sequenceId}`;
  let published = 0;
  for (const each of places) published += await index(each, cause);
  if (published > 0) console.log(`${changeType} ${path}: ${published} events published`);
}
