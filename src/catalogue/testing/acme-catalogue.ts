/** The stock catalogue plus one event of a team's own contract. This event declares one filter field of each kind. */
import { stockCatalogue } from '../catalogue.ts';
import type { Catalogue } from '../catalogue.ts';

export const acmeCatalogue: Catalogue = {
  ...stockCatalogue,
  events: new Map([
    ...stockCatalogue.events,
    [
      'build_finished',
      {
        replay: { policy: 'latest-per-key', key: '/payload/target', keySpace: 'build_finished' },
        filterable: {
          targets: ['/payload/target'],
          outputs: ['/payload/outputs'],
          outputTypes: ['/payload/outputs'],
          extensions: ['/payload/log'],
          sources: ['/source/name', '/source/principal'],
        },
        fits: (value) => typeof value === 'object' && value !== null && 'target' in value,
      },
    ],
  ]),
  filters: new Map([
    ...stockCatalogue.filters,
    ['targets', 'exact'],
    ['outputs', 'path'],
    ['outputTypes', 'extension'],
  ]),
};
