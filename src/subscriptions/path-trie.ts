/**
 * Items under the paths that they may be about, found again by walking down a path: what stands elsewhere is never looked at.
 *
 *     prefix  the whole segments that a pattern begins with      src/deep/*.spec.ts → src/deep
 *     ending  what the last segment must end with, where known   src/deep/*.spec.ts → .ts
 *
 *     '' ─ src ─ deep ─ { .ts: [item], any: […] }
 *
 * What is found is what may match: the caller checks. What is not found does not match.
 */
import { literalPrefix } from './glob.ts';

/** `name`: the whole last segment. `tail`: its end from the last dot on. `extension`: the same, without regard to case. */
export type EndingKind = 'name' | 'tail' | 'extension';

export interface PathPlace {
  readonly prefix: string;
  /** Undefined: any ending. */
  readonly ending: { readonly kind: EndingKind; readonly text: string } | undefined;
}

/** More places than this for one item cost more than they save. */
const MAX_PLACES = 64;

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** From the last dot on; empty where there is none. */
function tailOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot);
}

/** What every path that a pattern matches ends with. A plain path matches what is below it, too: anything. */
function endingOf(pattern: string): PathPlace['ending'] {
  const prefix = literalPrefix(pattern);
  if (prefix === pattern) return undefined;
  const name = lastSegment(pattern);
  const literal = name.slice(Math.max(name.lastIndexOf('*'), name.lastIndexOf('?')) + 1);
  if (literal === name) return { kind: 'name', text: name };
  return literal.includes('.') ? { kind: 'tail', text: tailOf(literal) } : undefined;
}

/** Where an item belongs that wants these paths and extensions, both normalised and at least one of them given. */
export function placesOf(
  paths: readonly string[] | undefined,
  extensions: readonly string[] | undefined,
): readonly PathPlace[] {
  const endings = extensions?.map((each) => ({ kind: 'extension' as const, text: tailOf(each) })) ?? [];
  if (paths === undefined) return endings.map((ending) => ({ prefix: '', ending }));
  const byPattern = paths.map((each) => ({ prefix: literalPrefix(each), ending: endingOf(each) }));
  if (endings.length === 0 || paths.length * endings.length > MAX_PLACES) return byPattern;
  return byPattern.flatMap(({ prefix }) => endings.map((ending) => ({ prefix, ending })));
}

class Node<Item> {
  readonly below = new Map<string, Node<Item>>();
  readonly any = new Set<Item>();
  readonly byEnding = new Map<string, Set<Item>>();

  get empty(): boolean {
    return this.below.size === 0 && this.any.size === 0 && this.byEnding.size === 0;
  }
}

function keyOf(kind: EndingKind, text: string): string {
  return `${kind}:${text}`;
}

export class PathTrie<Item> {
  readonly #root = new Node<Item>();

  get empty(): boolean {
    return this.#root.empty;
  }

  add({ prefix, ending }: PathPlace, item: Item): void {
    let node = this.#root;
    for (const segment of segmentsOf(prefix)) {
      let next = node.below.get(segment);
      if (next === undefined) {
        next = new Node();
        node.below.set(segment, next);
      }
      node = next;
    }
    if (ending === undefined) {
      node.any.add(item);
      return;
    }
    const key = keyOf(ending.kind, ending.text);
    const items = node.byEnding.get(key);
    if (items === undefined) node.byEnding.set(key, new Set([item]));
    else items.add(item);
  }

  /** Takes the item from the place where `add` put it, and with it every node that nothing else needs. */
  remove({ prefix, ending }: PathPlace, item: Item): void {
    const trail: (readonly [Node<Item>, string])[] = [];
    let node = this.#root;
    for (const segment of segmentsOf(prefix)) {
      const next = node.below.get(segment);
      if (next === undefined) return;
      trail.push([node, segment]);
      node = next;
    }
    if (ending === undefined) {
      node.any.delete(item);
    } else {
      const key = keyOf(ending.kind, ending.text);
      const items = node.byEnding.get(key);
      items?.delete(item);
      if (items?.size === 0) node.byEnding.delete(key);
    }
    for (const [parent, segment] of trail.toReversed()) {
      if (parent.below.get(segment)?.empty !== true) return;
      parent.below.delete(segment);
    }
  }

  /**
   * Visits what may be about any of the paths; an item more than once where it has several places. A filter on paths may be met by
   * one path of an event and a filter on extensions by another (a rename has two), so the extensions of all count for each.
   */
  visit(rawPaths: readonly string[], visit: (item: Item) => void): void {
    const paths = rawPaths.map((each) => each.normalize('NFC'));
    const extensions = new Set(paths.map((each) => keyOf('extension', tailOf(lastSegment(each).toLowerCase()))));
    for (const path of paths) {
      const name = lastSegment(path);
      const endings = [keyOf('name', name), keyOf('tail', tailOf(name)), ...extensions];
      let node: Node<Item> | undefined = this.#root;
      visitNode(node, endings, visit);
      for (const segment of segmentsOf(path)) {
        node = node.below.get(segment);
        if (node === undefined) break;
        visitNode(node, endings, visit);
      }
    }
  }
}

function segmentsOf(path: string): readonly string[] {
  return path === '' ? [] : path.split('/');
}

function visitNode<Item>(node: Node<Item>, endings: readonly string[], visit: (item: Item) => void): void {
  for (const item of node.any) visit(item);
  if (node.byEnding.size === 0) return;
  for (const ending of endings) {
    const items = node.byEnding.get(ending);
    if (items !== undefined) for (const item of items) visit(item);
  }
}
