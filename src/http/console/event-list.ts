/** A list of the newest events, newest first, and of the gaps between them. */
import type { TidemarkEvent, TidemarkGap } from '../../../generated/client.ts';
import { element, find } from './element.ts';

/** The maximum number of rows in the list, because many more rows slow down a browser. */
const KEPT = 300;

export class EventList {
  readonly #onExplain: (event: TidemarkEvent) => void;
  readonly #list = find('events', HTMLOListElement);
  readonly #count = find('count', HTMLElement);
  readonly #quiet = find('quiet', HTMLParagraphElement);
  /** Events received since the list was last drawn. While the list is paused, or an event is open, they accumulate here. */
  #waiting: HTMLLIElement[] = [];
  #total = 0;
  #held = false;
  #scheduled = false;

  /** @param onExplain called with the event whose "Explain" button was pressed */
  constructor(onExplain: (event: TidemarkEvent) => void) {
    this.#onExplain = onExplain;
    // `toggle` events do not bubble, so they are listened for in the capture phase.
    this.#list.addEventListener('toggle', () => this.#schedule(), { capture: true });
  }

  addEvent(event: TidemarkEvent): void {
    this.#total += 1;
    this.#add(eventRow(event, this.#onExplain));
  }

  addGap({ reason, from, to, repair }: TidemarkGap): void {
    const ends = [from, to].map((each) => (each === undefined ? '?' : String(each.sequenceId))).join(' → ');
    const hint =
      repair === undefined
        ? ''
        : `; ${repair.kind}: ${(repair.kind === 'rescan' ? repair.paths : repair.ids).join(', ')}`;
    this.#add(element('li', { class: 'gap' }, `gap: ${reason}, ${ends}${hint}`));
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#schedule();
  }

  clear(): void {
    this.#waiting = [];
    this.#total = 0;
    this.#list.replaceChildren();
    this.#draw();
  }

  #add(row: HTMLLIElement): void {
    this.#waiting = [row, ...this.#waiting].slice(0, KEPT);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#scheduled = false;
    // While an event is open, no rows are added: they would move this event, which somebody may be reading, out of view.
    const isRead = this.#list.querySelector('details[open]') !== null;
    this.#count.textContent = this.#total === 0 ? '' : `${this.#total} since Follow${this.#stateText(isRead)}`;
    this.#quiet.hidden = this.#total > 0;
    if (this.#held || isRead) return;
    this.#list.prepend(...this.#waiting);
    this.#waiting = [];
    while (this.#list.childElementCount > KEPT) this.#list.lastElementChild?.remove();
  }

  #stateText(isRead: boolean): string {
    if (this.#held) return ', paused';
    return isRead && this.#waiting.length > 0 ? ', new events are listed when the open event is closed' : '';
  }
}

function eventRow(event: TidemarkEvent, onExplain: (event: TidemarkEvent) => void): HTMLLIElement {
  const { emittedAt, sequenceId, event: name, payload, isReplay } = event;
  const about = JSON.stringify(payload);
  const summary = element(
    'summary',
    {},
    element('time', { title: emittedAt }, emittedAt.slice(11, 23)),
    element('span', { class: 'place' }, `#${sequenceId}`),
    element('span', { class: 'kind' }, isReplay ? 'replay' : ''),
    element('span', { class: 'name', title: name }, name),
    element('span', { title: about.slice(0, 1000) }, about.slice(0, 400)),
  );
  const details = element('details', {}, summary);
  // A payload may be large, so it is formatted only when the row is opened.
  details.addEventListener('toggle', () => details.append(explainButton(event, onExplain), payloadOf(event)), {
    once: true,
  });
  return element('li', { class: isReplay ? 'replay' : '' }, details);
}

function payloadOf(event: TidemarkEvent): HTMLPreElement {
  const text = element('pre', {}, JSON.stringify(event, undefined, 2));
  // An element must have the focus before it can be scrolled with the keyboard.
  text.tabIndex = 0;
  return text;
}

function explainButton(event: TidemarkEvent, onExplain: (event: TidemarkEvent) => void): HTMLButtonElement {
  const button = element('button', {}, 'Explain: who receives it, and who does not');
  button.type = 'button';
  button.addEventListener('click', () => onExplain(event));
  return button;
}
