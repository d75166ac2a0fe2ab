/** Shows which clients would receive an event of the list, and why the other clients would not (OPS-3). */
import { h, render } from 'preact';
import type { ComponentChild } from 'preact';
import type { TidemarkEvent } from '../../../generated/client.ts';
import type { ExplainMismatch, Explanation } from '../../../generated/types.ts';
import type { ClientRow } from './clients.ts';
import { DataTable } from './data-table.ts';
import { find } from './element.ts';
import type { GatewayApi } from './gateway-api.ts';

interface ExplainedRow {
  readonly connectionId: string;
  readonly subscriptionId: string;
  readonly principal: string;
  readonly receives: boolean;
  readonly reason: string;
}

export interface ExplainDialogOptions {
  readonly api: Pick<GatewayApi, 'explain'>;
  readonly clients: () => readonly ClientRow[];
}

export class ExplainDialog {
  readonly #options: ExplainDialogOptions;
  readonly #dialog = find('explain', HTMLDialogElement);
  readonly #choice = find('explain-client', HTMLSelectElement);
  #event: TidemarkEvent | undefined;

  constructor(options: ExplainDialogOptions) {
    this.#options = options;
    this.#choice.addEventListener('change', () => void this.#explain());
    find('explain-close', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
  }

  show(event: TidemarkEvent): void {
    this.#event = event;
    find('explain-event', HTMLElement).textContent = `${event.event} #${event.sequenceId} on ${event.stream}`;
    const clients = this.#options.clients().map(({ principal, remoteAddress, connectionId }) => {
      const where = remoteAddress === '' ? '' : ` at ${remoteAddress}`;
      return new Option(`${principal}${where}, ${connectionId}`, connectionId);
    });
    this.#choice.replaceChildren(new Option('all clients', ''), ...clients);
    this.#dialog.showModal();
    void this.#explain();
  }

  async #explain(): Promise<void> {
    const event = this.#event;
    if (event === undefined) return;
    const connectionId = this.#choice.value;
    // If the user has chosen something else in the meantime, the response or failure is outdated.
    const isCurrent = (): boolean => event === this.#event && connectionId === this.#choice.value;
    this.#draw(h('p', { class: 'empty' }, 'Asking the nodes…'));
    try {
      const explanation = await this.#options.api.explain({
        stream: event.stream,
        event: event.event,
        payload: { ...event.payload },
        source: event.source.name,
        ...(connectionId === '' ? {} : { connectionId }),
      });
      if (isCurrent()) this.#draw(this.#answer(explanation, connectionId));
    } catch (error) {
      if (!isCurrent()) return;
      this.#draw(h('p', { class: 'bad' }, error instanceof Error ? error.message : 'The gateway did not answer.'));
    }
  }

  #draw(content: ComponentChild): void {
    render(content, find('explanation', HTMLElement));
  }

  /** @param connectionId the selected client; empty for all clients */
  #answer(explanation: Explanation, connectionId: string): ComponentChild {
    const { matches, matchCount, mismatches, mismatchCount, missingNodes } = explanation;
    const principals = new Map(this.#options.clients().map((each) => [each.connectionId, each.principal]));
    const who = (id: string): string => principals.get(id) ?? 'not listed';
    const rows: ExplainedRow[] = [
      ...matches.map((each) => ({ ...each, principal: who(each.connectionId), receives: true, reason: '' })),
      ...mismatches.map((each) => ({
        connectionId: each.connectionId,
        subscriptionId: each.subscriptionId,
        principal: who(each.connectionId),
        receives: false,
        reason: reasonOf(each),
      })),
    ];
    const missing = missingNodes.length === 0 ? '' : ` Nodes that did not answer: ${missingNodes.join(', ')}.`;
    return h(
      'div',
      {},
      h(
        'p',
        {},
        `${receivers(matchCount)} this event now, ${mismatchCount} ${mismatchCount === 1 ? 'does' : 'do'} not.${missing}`,
      ),
      explainedTable(rows, emptyText(connectionId, explanation)),
    );
  }
}

function receivers(count: number): string {
  return count === 1 ? '1 subscription receives' : `${count} subscriptions receive`;
}

/** The text for an explanation without subscriptions. */
function emptyText(connectionId: string, { missingNodes }: Explanation): string {
  const whose = connectionId === '' ? '' : ' of this client';
  if (missingNodes.length > 0) return `The nodes that answered have no subscription${whose}.`;
  return connectionId === ''
    ? 'No client has a subscription, so no client receives this event.'
    : 'This client has no subscription, so it receives no event.';
}

function explainedTable(rows: readonly ExplainedRow[], empty: string): ComponentChild {
  return h(DataTable<ExplainedRow>, {
    label: 'Explanation',
    sortBy: 'Receives',
    rows,
    empty,
    keyOf: ({ connectionId, subscriptionId }) => `${connectionId}/${subscriptionId}`,
    columns: [
      { title: 'Receives', value: ({ receives }) => (receives ? 'yes' : 'no') },
      { title: 'Principal', value: ({ principal }) => principal },
      { title: 'Reason', value: ({ reason }) => reason },
      { title: 'Subscription', value: ({ subscriptionId }) => subscriptionId },
      {
        title: 'Connection',
        value: ({ connectionId }) => connectionId,
        show: ({ connectionId }) => h('code', {}, connectionId),
      },
    ],
  });
}

function reasonOf({ clause, wanted, seen }: ExplainMismatch): string {
  const asked = wanted.join(', ');
  if (clause === 'stream') return `the subscription is for ${asked}; the event is on ${seen.join(', ')}`;
  if (clause === 'events') return `the subscription is for ${asked}; the event is ${seen.join(', ')}`;
  return `the filter ${clause} is ${asked}; ${seen.length === 0 ? 'the event has none' : `the event has ${seen.join(', ')}`}`;
}
