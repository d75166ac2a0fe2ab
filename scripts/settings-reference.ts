/**
 * `npm run docs:settings`: writes docs/configuration/ from the table of settings. A test checks that these files are up
 * to date (src/config/reference.test.ts).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingsReference } from '../src/config/reference.ts';
import { settingsSchema } from '../src/config/schema.ts';
import { ROOT } from './ci-counts.ts';

const directory = join(ROOT, 'docs/configuration');
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, 'settings.md'), settingsReference());
writeFileSync(join(directory, 'tidemark.schema.json'), `${JSON.stringify(settingsSchema(), null, 2)}\n`);
