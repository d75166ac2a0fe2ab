/**
 * Preloaded by the examples (`node --import`), because they run in a clone: there `tidemark-client` is the directory
 * generated/, as TypeScript. In a project of your own npm installs it, and this file has no counterpart.
 */
import { registerHooks } from 'node:module';

const SOURCES = new URL('../generated/', import.meta.url);

registerHooks({
  resolve: (specifier, context, next) => {
    const module = /^tidemark-client(?:\/(\w+))?$/.exec(specifier);
    return next(module === null ? specifier : new URL(`${module[1] ?? 'client'}.ts`, SOURCES).href, context);
  },
});
