/** Shows the gateway's own reports, and reads them again every two seconds (OPS-1, OPS-2). */
import type { Health, HealthSummary, SubscriptionReport, SubscriptionsPage } from '../../../generated/types.ts';
import { element, find } from './element.ts';

const EVERY_MS = 2000;

export interface OverviewOptions {
  /** The address of the WebSocket; the HTTP resources are below it. */
  readonly path: string;
  readonly headers: () => Readonly<Record<string, string>>;
}

export class Overview {
  readonly #options: OverviewOptions;

  constructor(options: OverviewOptions) {
    this.#options = options;
  }

  /** Never returns. A hidden page sends no requests. */
  async run(): Promise<void> {
    for (;;) {
      if (!document.hidden) await this.#look();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  async #look(): Promise<void> {
    try {
      const report = await this.#get<Health | HealthSummary>('/health');
      if (report !== undefined) showHealth(report);
      const page = await this.#get<SubscriptionsPage>('/subscriptions?limit=200');
      showSubscriptions(page?.items);
    } catch {
      // The state of the connection already shows that the gateway is unavailable; the next request retries.
    }
  }

  /** The body, or undefined if this credential does not allow the request. */
  async #get<Body>(below: string): Promise<Body | undefined> {
    const { path, headers } = this.#options;
    const response = await fetch(`${path}${below}`, { headers: headers() });
    return response.ok ? ((await response.json()) as Body) : undefined;
  }
}

function showHealth(report: Health | HealthSummary): void {
  const { status, version, nodeId } = report;
  find('facts', HTMLDListElement).replaceChildren(
    fact('status', status, status === 'ok' ? '' : 'bad'),
    fact('version', version),
    fact('node', nodeId),
    ...('streams' in report ? details(report) : [fact('more', 'needs the scope admin:read')]),
  );
  if (!('streams' in report)) return;
  find('streams', HTMLTableSectionElement).replaceChildren(
    ...report.streams.map(({ stream, position, historyEvents, historyBytes }) =>
      row([stream, `#${position.sequenceId}`, `${historyEvents} events, ${Math.ceil(historyBytes / 1024)} KiB`], ''),
    ),
  );
}

function details({ broker, connections, backpressure }: Health): HTMLElement[] {
  const answers = broker.connected ? `${broker.kind} ${broker.lagMs} ms` : `${broker.kind} is away`;
  return [
    fact('broker', answers, broker.connected ? '' : 'bad'),
    fact('connections', String(connections)),
    fact('slow', `${backpressure.slow}, closed ${backpressure.closedSlow}`, backpressure.slow > 0 ? 'bad' : ''),
  ];
}

function fact(name: string, value: string, kind = ''): HTMLElement {
  return element('div', {}, element('dt', {}, name), element('dd', { class: kind }, value));
}

function showSubscriptions(items: readonly SubscriptionReport[] | undefined): void {
  const rows = items?.map((each) => {
    const filter = Object.entries(each.filter).map(([field, values]) => `${field}: ${String(values)}`);
    const cells = [
      each.principal,
      each.stream,
      each.events.join(', '),
      filter.join('; ') || 'none',
      String(each.delivered),
      String(each.lag),
      `${each.queuedBytes} B`,
    ];
    return row(cells, each.slow ? 'slow' : '');
  });
  const hidden = row(['These are shown only with the scope admin:read.'], '');
  find('subscriptions', HTMLTableSectionElement).replaceChildren(...(rows ?? [hidden]));
}

function row(cells: readonly string[], kind: string): HTMLTableRowElement {
  return element('tr', { class: kind }, ...cells.map((cell) => element('td', {}, cell)));
}
