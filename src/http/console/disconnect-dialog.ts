/** Asks for confirmation before it disconnects a client, and shows the result (OPS-8). */
import type { ClientRow } from './clients.ts';
import { find } from './element.ts';
import type { GatewayApi } from './gateway-api.ts';

export class DisconnectDialog {
  readonly #api: Pick<GatewayApi, 'disconnect'>;
  readonly #dialog = find('disconnect', HTMLDialogElement);
  readonly #result = find('disconnect-result', HTMLParagraphElement);
  #client: ClientRow | undefined;

  constructor(api: Pick<GatewayApi, 'disconnect'>) {
    this.#api = api;
    find('disconnect-again', HTMLButtonElement).addEventListener(
      'click',
      () => void this.#confirm({ reconnect: true }),
    );
    find('disconnect-for-good', HTMLButtonElement).addEventListener(
      'click',
      () => void this.#confirm({ reconnect: false }),
    );
    find('disconnect-cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
  }

  ask(client: ClientRow): void {
    const { principal, remoteAddress, nodeId, connectionId } = client;
    this.#client = client;
    this.#result.textContent = '';
    find('disconnect-who', HTMLElement).textContent =
      `${principal}${remoteAddress === '' ? '' : ` at ${remoteAddress}`}, node ${nodeId}, connection ${connectionId}`;
    this.#dialog.showModal();
  }

  async #confirm({ reconnect }: { readonly reconnect: boolean }): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const { connectionId } = client;
    this.#result.textContent = 'Disconnecting…';
    try {
      const { disconnected, missingNodes } = await this.#api.disconnect({ connectionId, reconnect });
      if (disconnected) return this.#done(`${client.principal} was disconnected (connection ${connectionId}).`);
      this.#result.textContent =
        missingNodes.length === 0
          ? 'This connection has already ended.'
          : `The connection was not found, but nodes did not answer: ${missingNodes.join(', ')}. Try again.`;
    } catch (error) {
      this.#result.textContent = error instanceof Error ? error.message : 'The gateway did not answer.';
    }
  }

  #done(text: string): void {
    this.#dialog.close();
    find('done', HTMLParagraphElement).textContent = text;
  }
}
