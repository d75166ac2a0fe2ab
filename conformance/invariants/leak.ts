/** Finds text that a server must never send (ERR-2): stack traces, paths of the server, internals of its run-time, secrets. */
import contractJson from '../../generated/contract.json' with { type: 'json' };

export interface Leak {
  readonly what: string;
  /** The part of the text that matched a pattern. */
  readonly hit: string;
}

interface Kind {
  readonly what: string;
  readonly pattern: RegExp;
}

/** The start of a line: the start of the text or of a JSON string, or after a line break or tab, also as JSON writes them. */
const LINE = String.raw`(?:^|\\n|\n|\\t|\t|")\s*`;

const STACK_TRACES: readonly RegExp[] = [
  // Stack traces of JavaScript and .NET.
  new RegExp(String.raw`${LINE}at [^\n"]{1,200}:\d+:\d+`),
  new RegExp(String.raw`${LINE}at [^\n"]{1,200}:line \d+`),
  // Stack traces of Python, Java, Go, Rust, PHP and Ruby.
  /Traceback \(most recent call last\)|File \\?"[^"\n]{1,200}\\?", line \d+/,
  /at [\w.$]+\([\w$]+\.(?:java|kt|scala):\d+\)/,
  /goroutine \d+ \[/,
  /panicked at [^\n"]{0,80}\.rs:\d+/,
  /#\d+ [^\n"]{1,120}\.php\(\d+\)/,
  /\.rb:\d+:in [`'"\\]/,
];

const KINDS: readonly Kind[] = [
  ...STACK_TRACES.map((pattern) => ({ what: 'a stack trace', pattern })),
  {
    what: 'internals of the run-time',
    pattern: /node:internal\/|ERR_INTERNAL_ASSERTION|\[native code\]|\[object Object\]/,
  },
  {
    what: 'a path of the server',
    pattern:
      /(?:file:\/\/\/|\/node_modules\/|\/site-packages\/|(?:^|[\s"'(=:])\/(?:home|root|usr|var|opt|srv|etc|proc|tmp|Users)\/[\w.-]+|[A-Z]:\\\\?(?:Users|Windows|Program Files))/,
  },
  { what: 'a secret', pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/ },
  // The next patterns match a key of the gateway, a signed token, and an address with a password.
  { what: 'a secret', pattern: /\btm_[a-z0-9]{10}_[A-Za-z0-9]{32}\b/ },
  { what: 'a secret', pattern: /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/ },
  { what: 'a secret', pattern: /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"\\]{0,64}:[^\s/@"\\]{1,128}@/ },
];

const HIT = 120;
/** The examples of the contract are public: a server serves them at `/docs` and `/asyncapi.yaml`. */
const PUBLIC = JSON.stringify(contractJson);

/** Finds every leak in a text from a server. */
export function leaksIn(text: string): readonly Leak[] {
  return KINDS.flatMap(({ what, pattern }) => {
    const hit = pattern.exec(text)?.[0];
    return hit === undefined || PUBLIC.includes(hit.replace(/^[^\w/]+/, '')) ? [] : [{ what, hit: hit.slice(0, HIT) }];
  });
}
