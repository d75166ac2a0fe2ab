/** Replaces known secrets in texts, however a message or an address spells them. */

interface Span {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** A way in which a text may spell a secret. */
interface Spelling {
  readonly escapes: RegExp;
  readonly unescape: (escape: string) => string;
  /** The secret as it appears in a text that was decoded. */
  readonly form: (secret: string) => string;
}

const CONTROL: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

const JSON_STRING: Spelling = {
  escapes: /\\(?:u[\da-f]{4}|.)/gis,
  unescape: (escape) => {
    if (escape.length === 6) return String.fromCharCode(Number.parseInt(escape.slice(2), 16));
    const letter = escape.slice(1);
    return CONTROL[letter] ?? letter;
  },
  form: (secret) => secret,
};

/**
 * In a query, `+` and `%20` both mean a space, but a careless client also sends a real `+` unchanged. So all three are
 * treated as a space. The escapes are the bytes of the text in UTF-8, so each byte becomes one character.
 */
const QUERY: Spelling = {
  escapes: /%[\da-f]{2}|\+/gi,
  unescape: (escape) => {
    const char = escape === '+' ? escape : String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return char === '+' ? ' ' : char;
  },
  form: (secret) => Buffer.from(secret, 'utf8').toString('latin1').replaceAll('+', ' '),
};

/** How a text was decoded: the last item is the last step. JSON may contain a string with JSON. */
const SPELLINGS: readonly (readonly Spelling[])[] = [[], [JSON_STRING], [JSON_STRING, JSON_STRING], [QUERY]];

/** For each character of the decoded text, and for its end: the place in the original text. */
function originsOf(text: string, [first, ...rest]: readonly Spelling[]): readonly number[] {
  const origins: number[] = [];
  if (first === undefined) return Array.from({ length: text.length + 1 }, (_, index) => index);
  let at = 0;
  for (const { 0: escape, index } of text.matchAll(first.escapes)) {
    for (; at < index; at += 1) origins.push(at);
    origins.push(index);
    at = index + escape.length;
  }
  for (; at <= text.length; at += 1) origins.push(at);
  if (rest.length === 0) return origins;
  return originsOf(text.replace(first.escapes, first.unescape), rest).map((index) => origins[index] ?? 0);
}

export class KnownSecrets {
  readonly #names = new Map<string, string>();

  get size(): number {
    return this.#names.size;
  }

  /** Adds a secret with the text that replaces it. A secret that is already known keeps its text. */
  add(secret: string, name: string): void {
    if (!this.#names.has(secret)) this.#names.set(secret, name);
  }

  #spansIn(text: string, spellings: readonly Spelling[]): readonly Span[] {
    if (spellings.some(({ escapes }) => text.search(escapes) === -1)) return [];
    const decoded = spellings.reduce((coded, { escapes, unescape }) => coded.replace(escapes, unescape), text);
    const forms = [...this.#names].map(([secret, name]) => [spellings.at(-1)?.form(secret) ?? secret, name] as const);
    const found = forms.filter(([form]) => decoded.includes(form));
    if (found.length === 0) return [];
    const origins = originsOf(text, spellings);
    const spans: Span[] = [];
    for (const [form, name] of found)
      for (let at = decoded.indexOf(form); at !== -1; at = decoded.indexOf(form, at + 1))
        spans.push({ start: origins[at] ?? 0, end: origins[at + form.length] ?? 0, name });
    return spans;
  }

  /** Replaces every known secret. Where secrets overlap, no part of any of them remains. */
  replaceIn(text: string): string {
    if (this.#names.size === 0) return text;
    const spans = SPELLINGS.flatMap((spellings) => this.#spansIn(text, spellings)).toSorted(
      (left, right) => left.start - right.start || right.end - left.end,
    );
    let replaced = '';
    let done = 0;
    for (const { start, end, name } of spans) {
      if (start >= done) replaced += text.slice(done, start) + name;
      done = Math.max(done, end);
    }
    return replaced + text.slice(done);
  }
}
