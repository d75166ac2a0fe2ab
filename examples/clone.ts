/**
 * The examples preload this file (`node --import`), so that in a clone `tidemark-client` is the TypeScript source in
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
