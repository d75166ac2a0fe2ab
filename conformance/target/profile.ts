/** What the target reported about itself at the start of the run. */
import type { WelcomeData } from '../../generated/types.ts';

export interface Profile {
  readonly welcome: WelcomeData;
  /** Whether HTTP is served at the address that the configuration gives. */
  readonly http: 'served' | 'not-served';
}
