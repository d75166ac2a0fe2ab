/**
 * Adds suggestions to the form: the events and filter fields that the contract of the gateway declares, including the user's own events.
 */
import { find } from './element.ts';

/** The parts of the contract that the form uses. */
interface Contract {
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly 'x-event'?: string; readonly summary?: string }>>;
  };
  readonly 'x-filters': Readonly<Record<string, unknown>>;
}

/** The contract's entry for custom events, whose names are not in the contract. */
const CUSTOM = '*';

export async function showSuggestions(): Promise<void> {
  const response = await fetch('asyncapi.yaml', { headers: { accept: 'application/json' } });
  if (!response.ok) return;
  const { components, 'x-filters': filters } = (await response.json()) as Contract;
  const options = Object.values(components.messages).flatMap(({ 'x-event': name, summary = '' }) =>
    name === undefined || name === CUSTOM ? [] : [new Option(summary, name)],
  );
  find('event-names', HTMLDataListElement).replaceChildren(...options);
  find('filter', HTMLInputElement).title = `Fields: ${Object.keys(filters).join(', ')}`;
}
