/** What the target reported of itself when the run began. */
import type { WelcomeData } from '../../generated/types.ts';

export interface Profile {
  readonly welcome: WelcomeData;
  /** Whether HTTP is served at the address that the configuration gives. */
  readonly http: 'served' | 'not-served';
}
