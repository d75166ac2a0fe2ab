/** Addresses and query parameters of the operations of the contract. */
import { HTTP_OPERATIONS, WEBSOCKET_PATH } from '../../generated/protocol.ts';
import type { HttpOperationName } from '../../generated/protocol.ts';
import { ProtocolError } from '../errors.ts';

/**
 * The path of an operation on a gateway whose WebSocket is at `path`. If the operation's path begins with `/ws/` in the contract, `path`
 * replaces this `/ws`.
 */
export function addressOf(name: HttpOperationName, path: string): string {
  const { path: address } = HTTP_OPERATIONS[name];
  return address.startsWith(`${WEBSOCKET_PATH}/`) ? path + address.slice(WEBSOCKET_PATH.length) : address;
}

interface Parameter {
  readonly type: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

type Parameters<Name extends HttpOperationName> = (typeof HTTP_OPERATIONS)[Name]['query'];

/** The query parameters of an operation, with the types of the contract. */
export type QueryOf<Name extends HttpOperationName> = {
  readonly [Key in keyof Parameters<Name>]?: Parameters<Name>[Key] extends { readonly type: 'integer' }
    ? number
    : string;
};

/** Reads a query string. @throws {ProtocolError} `invalid_message` if a parameter is unknown, repeated or of the wrong type */
export function readQuery<Name extends HttpOperationName>(name: Name, raw: unknown): QueryOf<Name> {
  const parameters = HTTP_OPERATIONS[name].query as Readonly<Record<string, Parameter>>;
  const entries = Object.entries(raw as Readonly<Record<string, unknown>>);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const parameter = Object.hasOwn(parameters, key) ? parameters[key] : undefined;
      if (parameter === undefined)
        throw new ProtocolError(
          'invalid_message',
          `Unknown query parameter ${JSON.stringify(key)}; the parameters are ${Object.keys(parameters).join(', ')}.`,
        );
      if (typeof value !== 'string')
        throw new ProtocolError('invalid_message', `The query parameter \`${key}\` is given more than once.`);
      return [key, parameter.type === 'integer' ? readInteger(key, value, parameter) : value];
    }),
  ) as QueryOf<Name>;
}

function readInteger(key: string, text: string, { minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Parameter): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
  throw new ProtocolError(
    'invalid_message',
    `The query parameter \`${key}\` must be a whole number from ${minimum} to ${maximum}.`,
  );
}
