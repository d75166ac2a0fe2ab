import type { Finding, Source } from './source.ts';
export function checkExtensions(_source: Source): Finding[] {
  return [];
}
