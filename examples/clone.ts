/**
 * Preloaded by the examples (`node --import`), because they run in a clone: there `tidemark-client` is the TypeScript source in
 * generated/. In your own project npm installs the package, and you do not need this file.
 */
import { registerHooks } from 'node:module';

const SOURCES = new URL('../generated/', import.meta.url);

registerHooks({
  resolve: (specifier, context, next) => {
    const module = /^tidemark-client(?:\/(\w+))?$/.exec(specifier);
    return next(module === null ? specifier : new URL(`${module[1] ?? 'client'}.ts`, SOURCES).href, context);
  },
});
