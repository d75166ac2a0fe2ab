/** Publishes the events of an `EventEmitter` of the host program as events of the gateway. */
import type { EventEmitter } from 'node:events';

/** For each event name of the emitter, the event that the gateway publishes for it. */
export type EmitterBindings = Readonly<Record<string, EmitterBinding>>;

export interface EmitterBinding {
  readonly event: string;
  readonly stream?: string;
  /** Converts the arguments of the emitted event to a payload. By default, the first argument is the payload. */
  readonly payload?: (...args: readonly unknown[]) => object;
}

export interface EmittedEvent {
  readonly event: string;
  readonly payload: object;
  readonly stream: string | undefined;
}

export interface EmitterTarget {
  readonly publish: (event: EmittedEvent) => Promise<unknown>;
  readonly onFailure: (error: unknown, failed: { readonly event: string; readonly emitterEvent: string }) => void;
}

/** Adds a listener to the emitter for each event name in `bindings`. @returns a function that removes the listeners */
export function bindEmitter(emitter: EventEmitter, bindings: EmitterBindings, target: EmitterTarget): () => void {
  const offs = Object.entries(bindings).map(([emitterEvent, binding]) => {
    const listener = (...args: readonly unknown[]): void => {
      publishEmitted(binding, args, { emitterEvent, target }).catch((error: unknown) =>
        target.onFailure(error, { event: binding.event, emitterEvent }),
      );
    };
    emitter.on(emitterEvent, listener);
    return () => emitter.off(emitterEvent, listener);
  });
  return () => offs.forEach((off) => off());
}

async function publishEmitted(
  { event, stream, payload: payloadOf }: EmitterBinding,
  args: readonly unknown[],
  { emitterEvent, target }: { readonly emitterEvent: string; readonly target: EmitterTarget },
): Promise<void> {
  const payload: unknown = payloadOf === undefined ? args[0] : payloadOf(...args);
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    throw new TypeError(
      `The payload of the emitted event ${emitterEvent} is not an object. Return an object from \`payload\` of its binding.`,
    );
  await target.publish({ event, payload, stream });
}
