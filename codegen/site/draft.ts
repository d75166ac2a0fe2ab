/**
 * A page before its links are resolved. In a draft, a link to `#anchor` means the page that has this anchor, which may
 * be another page.
 */

/** Sections of the navigation, in order. */
export const SECTIONS = [
  'Start',
  'Guides',
  'Commands',
  'Pushes',
  'Events',
  'HTTP',
  'Errors',
  'Close codes',
  'Lists',
  'Configuration',
  'API of the packages',
  'Explanation',
  'Decisions',
  'Tapes',
] as const;

export type Section = (typeof SECTIONS)[number];

export interface Draft {
  /** Path below the root of the site, without a file extension. */
  readonly path: string;
  readonly title: string;
  readonly section: Section;
  /** What the page describes: `command`, `error`, `guide`, … */
  readonly kind: string;
  /** One sentence, with code in backquotes. */
  readonly summary: string;
  /** HTML of the text, from the heading on. */
  readonly html: string;
  readonly markdown: string;
  /** Whether the navigation shows the title as code. */
  readonly isName: boolean;
  /** The operation or event that readers can try on this page. */
  readonly tried?: string;
  /**
   * What the anchors of the page stand for. `contract`: names of the contract, to which any page may link. `guide`: headings
   * of a guide, to which only the guide itself links.
   */
  readonly anchors: 'contract' | 'guide';
}

/** Begins a link of a guide to a name of the contract: `#@BCK-2`. */
export const CONTRACT = '@';

/**
 * Makes a file name of a name of the contract. Names of events may contain characters that have a special meaning in
 * addresses; each of these becomes a hyphen.
 */
export function fileName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_.-]/g, '-');
}
