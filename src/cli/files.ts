/** `tidemark files`: lists the files of a watched directory, and prints the position after which to follow its changes (FIL-1). */
import type { Command } from 'commander';
import type { FileEntry, FilesPage, FilesRequest } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { writePosition } from '../agents/position.ts';
import { FILE_EVENT } from '../catalogue/catalogue.ts';
import { collect } from './event-options.ts';
import { bytesText } from './quantity.ts';
import { call, remoteOptions } from './remote.ts';
import type { RemoteOptions } from './remote.ts';
import { plain, print, printJson, printStatus, tint } from './terminal.ts';

interface FilesOptions extends RemoteOptions {
  readonly root?: string;
  readonly stream: string;
  readonly path?: readonly string[];
  readonly ext?: readonly string[];
  readonly json?: true;
}

export function registerFiles(program: Command): void {
  remoteOptions(program.command('files'))
    .description('list the files of a watched directory, and print the position after which to follow its changes')
    .option(
      '--root <name>',
      'name of the watched directory (the `root` in its events); required if several directories are watched',
    )
    .option('--stream <name>', 'stream on which changes of the directory are published', 'main')
    .option(
      '--path <paths>',
      'list only entries at these paths or globs, relative to the watched directory; may be repeated',
      collect,
    )
    .option('--ext <extensions>', 'list only entries with these file extensions, such as .ts; may be repeated', collect)
    .option(
      '--json',
      'print all pages as one JSON object with the members stream, root, resumeAfter, entries and unread',
    )
    .action(files);
}

async function files(options: FilesOptions): Promise<void> {
  const entries: FileEntry[] = [];
  let count = 0;
  for await (const page of pagesOf(options)) {
    count += page.entries.length;
    if (options.json) entries.push(...page.entries);
    else for (const entry of page.entries) await print(lineOf(entry));
    if (page.nextCursor === undefined)
      await (options.json ? printAll(page, entries) : printSummary(page, count, options));
  }
}

/** Reads the pages of the listing. @throws {CliError} if the gateway refuses a page or is unreachable */
async function* pagesOf(options: FilesOptions): AsyncGenerator<FilesPage> {
  const { stream, root, path: paths, ext: extensions } = options;
  const filter = { ...(paths && { paths }), ...(extensions && { extensions }) };
  const request: FilesRequest = { stream, ...(root !== undefined && { root }), filter };
  let cursor: string | undefined;
  do {
    const page = (await call(options, {
      method: 'POST',
      below: '/files',
      body: cursor === undefined ? request : { ...request, cursor },
      fits: httpValidators.files_page,
    })) as FilesPage;
    cursor = page.nextCursor;
    yield page;
  } while (cursor !== undefined);
}

function lineOf({ path, fileType, size, mtime = '-' }: FileEntry): string {
  const isDirectory = fileType === 'directory';
  const amount = isDirectory || size === undefined ? '-' : bytesText(size);
  return `${amount.padStart(9)}  ${mtime.padEnd(24)}  ${plain(path)}${isDirectory ? '/' : ''}`;
}

function printAll({ stream, root, resumeAfter, unread }: FilesPage, entries: readonly FileEntry[]): Promise<void> {
  return printJson({ stream, root, resumeAfter, entries, unread });
}

/** Names the directories that could not be read completely, and prints the command that follows the changes. */
function printSummary({ stream, root, resumeAfter, unread }: FilesPage, count: number, options: FilesOptions): void {
  const { path = [], ext = [] } = options;
  for (const each of unread)
    printStatus(
      tint('yellow', `${each === '' ? 'The root' : plain(each)} cannot be read completely, so entries may be missing.`),
    );
  const selected = [...path.map((each) => ['--path', each]), ...ext.map((each) => ['--ext', each])].flat();
  const position = ['--stream', stream, '--resume', writePosition(resumeAfter)];
  const follow = ['tidemark', 'listen', '--event', FILE_EVENT, ...selected, ...position].map(quoted).join(' ');
  printStatus(
    `${count} ${count === 1 ? 'entry' : 'entries'} of ${plain(root)}. To follow the changes since then: ${follow}`,
  );
}

/** Quotes a word for a POSIX shell, if necessary. */
function quoted(word: string): string {
  return /^[\w./:@=+-]+$/.test(word) ? word : `'${plain(word).replaceAll("'", String.raw`'\''`)}'`;
}
