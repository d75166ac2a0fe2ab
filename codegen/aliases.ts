/**
 * Refuses YAML that no contract needs: circular aliases, aliases that expand to very many values, and very deep
 * nesting.
 */
import { isAlias, isMap, isNode, isPair, isSeq } from 'yaml';
import type { Alias, Document, Node } from 'yaml';

/**
 * The maximum depth of nested values. It is greater than in any schema written by hand. There is a limit because
 * compilers and validators are recursive, so very deep nesting would overflow their stack.
 */
const DEEPEST = 100;
/** The maximum number of values after every alias has been replaced by a copy. The stock contract has about 20,000. */
const MOST_VALUES = 1_000_000;

export interface AliasFault {
  readonly node: Node | undefined;
  /** The description of the fault, and how to correct it. */
  readonly text: string;
}

/** @returns why the document cannot be converted to a plain value, or undefined */
export function aliasFaultOf(document: Document.Parsed): AliasFault | undefined {
  return new Walk().visit(document.contents, 0).fault;
}

interface Size {
  readonly values: number;
  readonly depth: number;
  readonly fault?: AliasFault;
}

const LEAF: Size = { values: 1, depth: 0 };

class Walk {
  readonly #sizes = new Map<unknown, Size>();
  readonly #open = new Set<unknown>();
  /**
   * The newest node of each anchor so far. An alias refers to this node (YAML 1.2.2, section 7.1). `Alias.resolve` is
   * not used, because it walks through the whole document for each alias.
   */
  readonly #anchors = new Map<string, unknown>();

  visit(node: unknown, level: number): Size {
    if (isNode(node) && !isAlias(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isPair(node)) return this.#sum(node, [node.key, node.value], level);
    if (isAlias(node)) return this.#alias(node, level);
    if (!isMap(node) && !isSeq(node)) return LEAF;
    const known = this.#sizes.get(node);
    if (known !== undefined) return known;
    this.#open.add(node);
    const size = this.#sum(node, node.items, level + 1);
    this.#open.delete(node);
    this.#sizes.set(node, size);
    return size;
  }

  #alias(node: Alias, level: number): Size {
    const target = this.#anchors.get(node.source);
    if (target === undefined)
      return { ...LEAF, fault: { node, text: 'is an alias without an anchor above it. Correct the name.' } };
    if (this.#open.has(target))
      return {
        ...LEAF,
        fault: { node, text: 'is an alias of a value that contains this alias. Replace the alias with a value.' },
      };
    return this.visit(target, level);
  }

  #sum(node: unknown, parts: readonly unknown[], level: number): Size {
    const at = node as Node;
    if (level > DEEPEST) return { ...LEAF, fault: tooDeep(at) };
    let [values, depth] = [1, 0];
    for (const part of parts) {
      const size = this.visit(part, level);
      if (size.fault !== undefined) return size;
      values += size.values;
      depth = Math.max(depth, size.depth);
    }
    if (!isPair(node)) depth += 1;
    if (values > MOST_VALUES)
      return {
        ...LEAF,
        fault: {
          node: at,
          text: `has more than ${MOST_VALUES} values after its aliases are replaced by copies. Use fewer aliases.`,
        },
      };
    // An alias gets the size that was computed at its anchor, but may itself be nested deeper. So check the depth again here.
    if (level + depth > DEEPEST + 1) return { ...LEAF, fault: tooDeep(at) };
    return { values, depth };
  }
}

function tooDeep(node: Node): AliasFault {
  return { node, text: `is nested more than ${DEEPEST} levels deep. Move the inner parts to named schemas.` };
}
