/** The type of `operations.json`. */

export interface Tried {
  readonly examples: readonly { readonly summary: string; readonly message: unknown }[];
  /** The clauses that a tape of this operation may cite. */
  readonly clauses: readonly string[];
}

export interface HttpTry extends Omit<Tried, 'clauses'> {
  readonly method: string;
  readonly path: string;
  readonly query: readonly { readonly name: string; readonly description: string }[];
  /** The message whose schema the body of the request must match; undefined if there is no body. */
  readonly request: string | undefined;
  /** Messages that may be the body of the response. */
  readonly replies: readonly string[];
}

export interface Operations {
  readonly subprotocol: string;
  /** The address of the WebSocket in the contract. */
  readonly path: string;
  readonly webSocket: Readonly<Record<string, Tried>>;
  readonly http: Readonly<Record<string, HttpTry>>;
  readonly events: readonly string[];
  /** The message of events that the contract does not declare. */
  readonly customEvent: string;
  /** The advice for each error code. */
  readonly errors: Readonly<Record<string, string>>;
  readonly closeCodes: Readonly<
    Record<string, { readonly name: string; readonly family: string; readonly advice: string }>
  >;
}

/** A compiled schema, in the form in which the generated validators export it. */
export interface Validator {
  (value: unknown): boolean;
  readonly errors?:
    | readonly {
        readonly instancePath: string;
        readonly keyword: string;
        readonly params: Readonly<Record<string, unknown>>;
        readonly message?: string;
      }[]
    | null;
}

export interface Validators {
  readonly commandValidators: Readonly<Record<string, Validator>>;
  readonly payloadValidators: Readonly<Record<string, Validator>>;
  readonly serverValidators: Readonly<Record<string, Validator>>;
  readonly httpValidators: Readonly<Record<string, Validator>>;
}
