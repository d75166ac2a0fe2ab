import { describe, expect, test } from 'vitest';
import { stockCatalogue } from './catalogue.ts';
import { hintsOf, nearest } from './near-miss.ts';

const suggestionFor = (name: string): string | undefined =>
  hintsOf([name], stockCatalogue, () => '').hints?.[0]?.suggestion;

describe('a name that is probably misspelt', () => {
  test.each([
    ['file_changed', 'file_change'],
    ['file_chang', 'file_change'],
    ['flie_change', 'file_change'],
    ['file_chance', 'file_change'],
    ['file.change', 'file_change'],
    ['entity_creatd', 'entity_created'],
    ['entity_deletes', 'entity_deleted'],
    ['session_events', 'session_event'],
    ['entities_*', undefined],
    ['entiy_*', 'entity_*'],
    ['relationshp_*', 'relationship_*'],
    ['fiel_change*', 'file_change*'],
  ])('%s: %s', (name, suggestion) => {
    expect(suggestionFor(name)).toBe(suggestion);
  });

  test.each([
    ['*'],
    ['file_change'],
    ['entity_*'],
    ['e*'],
    ['modified_cluster'],
    ['build.finished'],
    ['file_chooser'],
    ['x'],
  ])('is not %s', (name) => {
    expect(suggestionFor(name)).toBeUndefined();
  });

  test('is reported with the pointer to it', () => {
    expect(hintsOf(['sync_status', 'file_changed', '*', 'entity_craeted'], stockCatalogue, (at) => `/e/${at}`)).toEqual(
      {
        hints: [
          {
            pointer: '/e/1',
            message: 'file_changed is not declared, so it is a custom event; did you mean file_change?',
            suggestion: 'file_change',
          },
          expect.objectContaining({ pointer: '/e/3', suggestion: 'entity_created' }),
        ],
      },
    );
    expect(hintsOf(['sync_status', 'modified_cluster'], stockCatalogue, () => '')).toEqual({});
  });

  test('is compared in time linear in its length, even when the names are nearly equal', () => {
    const names = Array.from({ length: 2000 }, (_, at) => `${'a'.repeat(120)}${at}`);
    const started = process.cpuUsage();
    for (let round = 0; round < 32; round += 1) nearest(`b${'a'.repeat(125)}`, names);
    expect(process.cpuUsage(started).user).toBeLessThan(1_000_000);
  });
});
