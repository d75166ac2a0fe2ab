/** Reads the gateway's reports every two seconds (OPS-1, OPS-2, OPS-9). A hidden or paused page sends no requests. */
import type { Health, HealthSummary, NodesReport, SubscriptionsPage } from '../../../generated/types.ts';
import { RefusedError } from './gateway-api.ts';
import type { GatewayApi } from './gateway-api.ts';

const EVERY_MS = 2000;

/** The reports of the gateway at one moment. */
export interface Observation {
  /** When the reports were read, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly health: Health | HealthSummary;
  /** The reports of all nodes, or the reason why the credential does not permit reading them. */
  readonly all: { readonly nodes: NodesReport; readonly page: SubscriptionsPage } | { readonly refused: string };
}

export interface ObserverOptions {
  readonly api: GatewayApi;
  readonly onObservation: (observation: Observation) => void;
}

export class Observer {
  readonly #options: ObserverOptions;
  #paused = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  pause(paused: boolean): void {
    this.#paused = paused;
  }

  /** Reads the reports periodically. The returned promise never resolves. */
  async run(): Promise<void> {
    for (;;) {
      if (!document.hidden && !this.#paused) await this.look();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  /** Reads the reports once, even while paused. */
  async look(): Promise<void> {
    const { api, onObservation } = this.#options;
    try {
      const health = await api.health();
      const all = 'streams' in health ? await this.#everything() : { refused: 'Shown only with the scope admin:read.' };
      onObservation({ at: Date.now(), health, all });
    } catch (error) {
      // The error is ignored, because the connection state on the page already shows that the gateway is unavailable. The next request
      // retries.
      if (!(error instanceof TypeError || error instanceof SyntaxError || error instanceof RefusedError)) throw error;
    }
  }

  async #everything(): Promise<Observation['all']> {
    const { api } = this.#options;
    const [nodes, page] = await Promise.all([api.nodes(), api.subscriptions()]);
    return { nodes, page };
  }
}
