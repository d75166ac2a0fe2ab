/** The frames of the try-it form, newest last: direction, name, verdict and text of each. */
import { element } from './element.ts';
import type { Fault } from './explain-frame.ts';

/** The maximum number of frames in the log. Older frames are removed. */
const MOST_FRAMES = 200;

export interface LoggedFrame {
  readonly direction: 'sent' | 'received';
  readonly name: string;
  readonly text: string;
  readonly faults: readonly Fault[];
  /** What the frame means for the client, if it is an error or the end of the connection. */
  readonly advice?: { readonly text: string; readonly address: string; readonly title: string };
}

export class FrameLog {
  readonly #list: HTMLOListElement;

  constructor(list: HTMLOListElement) {
    this.#list = list;
  }

  add({ direction, name, text, faults, advice }: LoggedFrame): void {
    const isValid = faults.length === 0;
    const verdict = element('span', { class: isValid ? 'valid' : 'invalid' }, isValid ? 'valid' : 'invalid');
    const summary = element(
      'summary',
      {},
      element('span', { class: 'way' }, direction === 'sent' ? '→ sent' : '← received'),
      element('code', {}, name),
      verdict,
    );
    const details = element(
      'details',
      {},
      summary,
      element('pre', { tabindex: '0' }, element('code', {}, pretty(text))),
    );
    const explained = faults.map(({ pointer, rule, correction }) =>
      element(
        'p',
        { class: 'fault' },
        element('code', {}, pointer === '' ? 'the frame' : pointer),
        ` ${rule}. `,
        element('strong', {}, correction),
      ),
    );
    const hint =
      advice === undefined
        ? []
        : [element('p', { class: 'fault' }, `${advice.text} `, element('a', { href: advice.address }, advice.title))];
    // Expand entries that need the reader's attention.
    details.open = !isValid || advice !== undefined;
    this.#list.append(
      element('li', { 'data-direction': direction, 'data-name': name }, details, ...explained, ...hint),
    );
    while (this.#list.childElementCount > MOST_FRAMES) this.#list.firstElementChild?.remove();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  clear(): void {
    this.#list.replaceChildren();
  }
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
