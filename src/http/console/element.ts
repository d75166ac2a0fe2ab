/** Creates elements with text content, so that text from a publisher is never parsed as HTML. */

type Child = Node | string;

export interface Attributes {
  readonly class?: string;
  readonly title?: string;
}

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes,
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (attributes.class !== undefined) made.className = attributes.class;
  if (attributes.title !== undefined) made.title = attributes.title;
  made.append(...children);
  return made;
}

/** Finds an element of the page. @throws {Error} if the page has no such element, because page and script are of different versions */
export function find<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no element with the id ${id}; reload the page.`);
  return found;
}
