/** Finds the files that the gateway serves as they are: in a clone beside `src/`, in the published package beside `dist/`. */
import { existsSync } from 'node:fs';

function locate(path: string): URL {
  const places = [new URL(`../../${path}`, import.meta.url), new URL(`../../../${path}`, import.meta.url)];
  const found = places.find((each) => existsSync(each));
  if (found === undefined) throw new Error(`The package is incomplete: ${path} is missing. Install it again.`);
  return found;
}

export interface DocumentAssets {
  readonly contract: URL;
  readonly docs: URL;
}

export function documentAssets(): DocumentAssets {
  return { contract: locate('asyncapi.yaml'), docs: locate('docs/reference/index.html') };
}
