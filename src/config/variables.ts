/** Checks the environment variables with the prefix of the settings. */
// Import cycle of types only: the checks need the settings with their values, and resolving the settings runs the checks.
import type { Entry } from './config.ts';
import type { Problem } from './file.ts';
import { VARIABLE_PREFIX, variableOf } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Environment variables that are not settings, but are read by commands. */
const OTHER_VARIABLES: readonly string[] = [
  'TIDEMARK_CONFIG',
  'TIDEMARK_URL',
  'TIDEMARK_TOKEN',
  'TIDEMARK_API_KEY',
  // Set by `serve --workers` for its workers.
  'TIDEMARK_WORKER_NUMBER',
  'TIDEMARK_WORKER_WATCHES',
];

/** Problems of variables that stand for several settings. For example, `build.done` and `build_done` have the same variable. */
export function variableProblems(entries: readonly Entry[], environment: Environment): Problem[] {
  const byVariable = Map.groupBy(entries, ({ setting }) => variableOf(setting));
  return [...byVariable].flatMap(([variable, group]) => {
    if (variable === undefined || group.length === 1 || environment[variable] === undefined) return [];
    const keys = group.map(({ setting: { key } }) => `\`${key}\``).join(' and ');
    return [
      { where: variable, text: `This variable stands for ${keys}. Remove it, and set their values in the file.` },
    ];
  });
}

/** Warnings about variables that have no effect. */
export function variableWarnings(entries: readonly Entry[], environment: Environment): Problem[] {
  const settings = entries.flatMap(({ setting }) => variableOf(setting) ?? []);
  const known = new Set([...settings, ...OTHER_VARIABLES, ...secretVariables(entries)]);
  const strays = Object.keys(environment).filter((name) => name.startsWith(VARIABLE_PREFIX) && !known.has(name));
  return strays.map((where) => ({ where, text: `Unknown variable, which has no effect. ${remedyFor(where)}` }));
}

function remedyFor(name: string): string {
  return name.startsWith(`${VARIABLE_PREFIX}REPLAY_`)
    ? 'Correct its name, or remove it. The replay policy of an event of your own is set in the file, under `replay`.'
    : 'Correct its name, or remove it.';
}

/** The variables with the secrets of issuers, also of issuers with problems, which a gateway would not accept. */
function secretVariables(entries: readonly Entry[]): readonly string[] {
  const section = entries.find(({ setting }) => setting.key === 'auth')?.value;
  const issuers = membersOf(section)['issuers'];
  const names = (Array.isArray(issuers) ? issuers : []).map((issuer) => membersOf(issuer)['secretVariable']);
  return names.filter((name) => typeof name === 'string');
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
