/**
 * JSON Schema (draft-07, which editors read best) of a configuration file, from the table of settings. It checks the form of values;
 * `tidemark config check` also checks what they mean.
 */
import { AUTH_SCHEMA } from '../auth/settings-schema.ts';
import { SETTINGS } from './settings.ts';
import type { Setting } from './settings.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Schema of the value of a setting, by its kind. */
const VALUE_SCHEMAS: Readonly<Record<Setting['kind'], (setting: Setting) => JsonSchema>> = {
  text: () => ({ type: 'string', minLength: 1 }),
  integer: ({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }) => ({ type: 'integer', minimum, maximum }),
  switch: () => ({ type: 'boolean' }),
  list: () => ({ type: 'array', items: { type: 'string' } }),
  // Readers of YAML 1.1 take `on` and `off` for booleans, and the gateway takes booleans for them.
  choice: ({ choices = [] }) => ({ enum: choices.includes('on') ? [...choices, true, false] : choices }),
  section: () => AUTH_SCHEMA,
};

function settingSchema(setting: Setting): JsonSchema {
  const { standard, description } = setting;
  return {
    ...VALUE_SCHEMAS[setting.kind](setting),
    description,
    ...(standard === undefined ? {} : { default: standard }),
  };
}

/** A section of the file: the settings whose keys begin with its name. */
function sectionSchema(section: string, description: string): JsonSchema {
  const own = SETTINGS.filter(({ key }) => key.startsWith(`${section}.`));
  return {
    type: 'object',
    description,
    properties: Object.fromEntries(own.map((each) => [each.key.slice(section.length + 1), settingSchema(each)])),
    additionalProperties: false,
  };
}

export function settingsSchema(): JsonSchema {
  const general = SETTINGS.filter(({ key }) => !key.includes('.'));
  const custom = SETTINGS.find(({ key }) => key === 'replay.*');
  const replay = sectionSchema('replay', 'Replay policies by event; `*` is every custom event.');
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of a Tidemark gateway (tidemark.yaml)',
    type: 'object',
    properties: {
      ...Object.fromEntries(general.map((each) => [each.key, settingSchema(each)])),
      limits: sectionSchema('limits', 'Limits that differ from the defaults.'),
      replay: custom === undefined ? replay : { ...replay, additionalProperties: settingSchema(custom) },
    },
    additionalProperties: false,
  };
}
