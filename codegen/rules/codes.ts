/**
 * Rules about codes and limits: they must be unique, within their ranges, and the same in the extensions and in the
 * schemas.
 */
import type { RawContract } from '../raw.ts';
import type { Report, Rule } from './rule.ts';
import { compareNames } from './rule.ts';

/** The class of a close code is its first two digits (CON-6). */
const CLASS_OF: Readonly<Record<string, string>> = {
  40: 'do-not-retry',
  41: 'refresh',
  42: 'retry-resume',
  43: 'retry-fresh',
};

const HTTP_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 409, 413, 422, 429, 500, 503]);

/**
 * Compares the names in an extension with the `enum` of the schema that repeats them. The schema exists so that the
 * names have a type.
 */
function compareEnum(
  raw: RawContract,
  report: Report,
  {
    schema,
    extension,
    expected,
  }: { readonly schema: string; readonly extension: string; readonly expected: readonly string[] },
): void {
  const names = raw.components.schemas[schema]?.enum;
  if (names === undefined) return;
  compareNames(report, {
    path: ['components', 'schemas', schema, 'enum'],
    names: names.map(String),
    expected,
    where: extension,
  });
}

export const CODE_RULES: Readonly<Record<string, Rule>> = {
  'error-code': (raw, report) => {
    const codes = Object.keys(raw['x-errors']);
    for (const [code, { httpStatus }] of Object.entries(raw['x-errors'])) {
      if (!/^[a-z]+(?:_[a-z]+)*$/.test(code)) report(['x-errors', code], 'is not written in snake_case. Rename it.');
      if (!HTTP_STATUSES.has(httpStatus))
        report(
          ['x-errors', code, 'httpStatus'],
          `is ${httpStatus}. Use one of ${[...HTTP_STATUSES].join(', ')} (OPS-0).`,
        );
    }
    compareEnum(raw, report, { schema: 'ErrorCode', extension: 'x-errors', expected: codes });
  },

  'close-code': (raw, report) => {
    const names = new Set<string>();
    for (const [code, { name, class: kind }] of Object.entries(raw['x-close-codes'])) {
      const at = ['x-close-codes', code];
      const expected = CLASS_OF[code.slice(0, 2)];
      if (!/^4[0-3]\d\d$/.test(code))
        report(
          at,
          'is outside 4000–4399. Use 40xx for class do-not-retry, 41xx for refresh, 42xx for retry-resume or 43xx for retry-fresh (CON-6).',
        );
      else if (kind !== expected)
        report(
          [...at, 'class'],
          `is ${kind}, but ${code.slice(0, 2)}xx is ${expected ?? 'no class'}. Change the class or the code (CON-6).`,
        );
      if (!Object.hasOwn(raw['x-close-classes'], kind))
        report([...at, 'class'], `is ${kind}, which x-close-classes lacks. Correct the class, or add it there.`);
      if (names.has(name))
        report([...at, 'name'], `is ${name}, which is also the name of another close code. Rename one of them.`);
      names.add(name);
    }
    compareEnum(raw, report, { schema: 'CloseName', extension: 'x-close-codes', expected: [...names] });
  },

  'gap-reason': (raw, report) => {
    compareEnum(raw, report, {
      schema: 'GapReason',
      extension: 'x-gap-reasons',
      expected: Object.keys(raw['x-gap-reasons']),
    });
  },

  'replay-policy': (raw, report) => {
    compareEnum(raw, report, {
      schema: 'ReplayPolicyName',
      extension: 'x-replay-policies',
      expected: Object.keys(raw['x-replay-policies']),
    });
  },

  limit: (raw, report) => {
    for (const [name, { default: value, minimum, maximum }] of Object.entries(raw['x-limits'])) {
      if (minimum > maximum)
        report(
          ['x-limits', name],
          `has the minimum ${minimum}, which is above the maximum ${maximum}. Correct one of them.`,
        );
      else if (value < minimum || value > maximum)
        report(
          ['x-limits', name, 'default'],
          `is ${value}, which is outside the range ${minimum}–${maximum}. Correct the default or the range.`,
        );
      if (maximum > Number.MAX_SAFE_INTEGER)
        report(['x-limits', name, 'maximum'], `is above ${Number.MAX_SAFE_INTEGER} (ENV-5). Lower it.`);
    }
    const declared = raw.components.schemas['EffectiveLimits']?.properties;
    for (const name of Object.keys(declared ?? {})) {
      if (!Object.hasOwn(raw['x-limits'], name))
        report(
          ['components', 'schemas', 'EffectiveLimits', 'properties', name],
          'is not a limit in x-limits. Add it there, or remove it.',
        );
    }
  },
};
