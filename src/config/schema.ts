/**
 * Generates the JSON Schema of a configuration file from the table of settings. The schema uses draft-07, which editors support best. The
 * schema checks the form of values; `tidemark config check` also checks their meaning.
 */
import { AUTH_SCHEMA } from '../auth/settings-schema.ts';
import { SETTINGS } from './settings.ts';
import type { Setting } from './settings.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** The schema of a setting's value, for each kind of setting. */
const VALUE_SCHEMAS: Readonly<Record<Setting['kind'], (setting: Setting) => JsonSchema>> = {
  text: () => ({ type: 'string', minLength: 1 }),
  integer: ({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }) => ({ type: 'integer', minimum, maximum }),
  switch: () => ({ type: 'boolean' }),
  list: () => ({ type: 'array', items: { type: 'string' } }),
  // Readers of YAML 1.1 interpret `on` and `off` as booleans. Therefore the gateway accepts booleans for these values, and the schema does
  // too.
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

/** The schema of a section of the file. Its settings are those whose keys begin with the name of the section. */
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
  const replay = sectionSchema('replay', 'Replay policy of each event; `*` stands for all custom events.');
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
