/** Lists the known entries of the tree, page by page (FIL-1). The order is that of the tree: a directory comes before its content. */
import { MAX_ITEMS } from '../../generated/protocol.ts';
import type { FileEntry } from '../../generated/types.ts';
import type { ListingPage, FileQuery } from '../introspection/file-listings.ts';
import { lastSegment } from '../subscriptions/event-facts.ts';
import { isGlob } from '../subscriptions/glob.ts';
import { PathSet } from '../subscriptions/path-set.ts';
import type { Directory, Tree } from './directory.ts';
import { toReportablePath } from './names.ts';
import type { ByteString } from './names.ts';
import { measuresOf, nameableAncestor } from './reporter.ts';

export type ListedPage = Omit<ListingPage, 'position'>;

/**
 * Maximum number of entries that are compared with the filter for one page. Without this limit, a filter with few matches could delay the
 * handling of changes.
 */
const MOST_VISITED = 20_000;
/** Maximum number of characters in all paths of one page. */
const MOST_CHARACTERS = 512 * 1024;
const MOST_UNREAD = MAX_ITEMS.FilesPage.unread;

export function listFiles(tree: Tree, query: FileQuery): ListedPage {
  const list = new FileList(tree, query);
  return list.collect();
}

class FileList {
  readonly #tree: Tree;
  readonly #query: FileQuery;
  readonly #paths: PathSet | undefined;
  readonly #entries: FileEntry[] = [];
  readonly #unread = new Set<string>();
  #visited = 0;
  #characters = 0;
  /** The path of the last entry that was compared with the filter. */
  #last: ByteString = '';
  #full = false;

  constructor(tree: Tree, query: FileQuery) {
    this.#tree = tree;
    this.#query = query;
    this.#paths = query.paths === undefined ? undefined : new PathSet(query.paths);
  }

  collect(): ListedPage {
    const { after } = this.#query;
    this.#visit(this.#tree.root, after === undefined ? [] : after.split('/'));
    const unread = this.#unread.size > MOST_UNREAD ? [''] : [...this.#unread];
    return { entries: this.#entries, unread, next: this.#full ? this.#last : undefined };
  }

  /**
   * Adds the matching entries below a directory to the page.
   * @param after the path of the last entry that was visited for the previous page, as segments relative to `directory`. If it is empty,
   * the page begins with the first entry below `directory`.
   */
  #visit(directory: Directory, after: readonly ByteString[]): void {
    const [first, ...rest] = after;
    if (directory.state === 'unreadable' || directory.state === 'lost') this.#unread.add(nameableAncestor(directory));
    for (const name of directory.namesFrom(first)) {
      if (this.#full) return;
      const facts = this.#tree.visible(directory, name);
      if (facts === undefined) continue;
      const path = directory.pathOf(name);
      const text = toReportablePath(path);
      if (text === undefined) {
        this.#unread.add(nameableAncestor(directory));
        continue;
      }
      if (name !== first) {
        if (this.#isFull()) return;
        this.#visited += 1;
        this.#last = path;
        if (this.#matches(text)) this.#add({ path: text, fileType: facts.fileType, ...measuresOf(facts) });
      }
      const below = directory.directories.get(name);
      if (below !== undefined && this.#mayMatchBelow(text)) this.#visit(below, name === first ? rest : []);
    }
  }

  #isFull(): boolean {
    this.#full =
      this.#entries.length >= this.#query.limit || this.#visited >= MOST_VISITED || this.#characters >= MOST_CHARACTERS;
    return this.#full;
  }

  #add(entry: FileEntry): void {
    this.#entries.push(entry);
    this.#characters += entry.path.length;
  }

  /** Whether a `file_change` with this path would match the filter (SUB-4, SUB-5). */
  #matches(path: string): boolean {
    const { extensions } = this.#query;
    const text = path.normalize('NFC');
    if (this.#paths?.matches(text) === false) return false;
    if (extensions === undefined) return true;
    const name = lastSegment(text).toLowerCase();
    return extensions.some((each) => name.endsWith(each));
  }

  /** Whether paths below the directory with this path may match the filter. False only if certainly none matches. */
  #mayMatchBelow(path: string): boolean {
    const { paths } = this.#query;
    if (paths === undefined || this.#paths === undefined || paths.some(isGlob)) return true;
    const text = path.normalize('NFC');
    return this.#paths.matches(text) || paths.some((each) => each.startsWith(`${text}/`));
  }
}
