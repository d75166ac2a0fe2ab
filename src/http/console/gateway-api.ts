/** The HTTP operations that the console uses (OPS-1 to OPS-3, OPS-8, OPS-9). */
import type {
  DisconnectRequest,
  DisconnectResult,
  ExplainRequest,
  Explanation,
  Health,
  HealthSummary,
  NodesReport,
  SubscriptionsPage,
} from '../../../generated/types.ts';

export interface GatewayApiOptions {
  /** Path of the WebSocket, relative to the page. The paths of the HTTP operations begin with it. */
  readonly path: string;
  readonly headers: () => Readonly<Record<string, string>>;
}

/** Thrown if the gateway refuses a request. The message is the reason. */
export class RefusedError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'RefusedError';
    this.status = status;
  }
}

/** The maximum number of subscriptions that the console lists: one page of the largest size. */
const PAGE = 1000;

/**
 * Each method throws a `RefusedError` if the gateway refuses the request, a `TypeError` if the gateway is unavailable, and a `SyntaxError`
 * if the response is not JSON.
 */
export class GatewayApi {
  readonly #options: GatewayApiOptions;

  constructor(options: GatewayApiOptions) {
    this.#options = options;
  }

  health(): Promise<Health | HealthSummary> {
    return this.#send('/health');
  }

  nodes(): Promise<NodesReport> {
    return this.#send('/nodes');
  }

  subscriptions(): Promise<SubscriptionsPage> {
    return this.#send(`/subscriptions?limit=${PAGE}`);
  }

  explain(request: ExplainRequest): Promise<Explanation> {
    return this.#send('/explain', request);
  }

  disconnect(request: DisconnectRequest): Promise<DisconnectResult> {
    return this.#send('/disconnect', request);
  }

  async #send<Answer>(below: string, body?: object): Promise<Answer> {
    const { path, headers } = this.#options;
    const response = await fetch(
      `${path}${below}`,
      body === undefined
        ? { headers: headers() }
        : {
            method: 'POST',
            headers: { ...headers(), 'content-type': 'application/json' },
            body: JSON.stringify(body),
          },
    );
    const answer: unknown = await response.json();
    if (!response.ok) throw new RefusedError(response.status, messageOf(answer, response.status));
    return answer as Answer;
  }
}

function messageOf(answer: unknown, status: number): string {
  const { data } = (typeof answer === 'object' && answer !== null ? answer : {}) as {
    readonly data?: { readonly message?: string };
  };
  return data?.message ?? `The gateway answered with status ${status}.`;
}
