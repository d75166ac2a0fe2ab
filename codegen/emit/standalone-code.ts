/** Makes the code that ajv has generated independent of ajv: without imports, and without evaluation of text. */

/**
 * Replacements for two helpers that ajv's code loads by `require`, even in ESM. They are inlined, so that the file
 * imports nothing.
 */
const HELPERS: Readonly<Record<string, string>> = {
  'ajv/dist/runtime/ucs2length': `/** Length in code points, as JSON Schema counts it. */
function ucs2length(text) {
  let length = text.length;
  for (let at = 0; at < text.length - 1; at += 1) {
    if ((text.charCodeAt(at) & 0xfc00) !== 0xd800 || (text.charCodeAt(at + 1) & 0xfc00) !== 0xdc00) continue;
    length -= 1;
    at += 1;
  }
  return length;
}`,
  'ajv/dist/runtime/equal': `/** Whether two JSON values are equal. */
function equal(a, b) {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
}`,
};

/** Inlines the helpers, and removes everything that no validator uses. */
export function inlineHelpers(compiled: string): string {
  const used = new Set<string>();
  const code = compiled.replaceAll(
    /^const (func\d+) = require\("([^"]+)"\)\.default;?$/gm,
    (whole, local: string, module: string) => {
      const helper = HELPERS[module];
      if (helper === undefined) return whole;
      used.add(helper);
      return `const ${local} = ${module.slice(module.lastIndexOf('/') + 1)};`;
    },
  );
  return [...used, dropUnused(code)].join('\n\n');
}

/** Removes schemas that no validator reads at run time. ajv embeds every schema that it has compiled. */
function dropUnused(code: string): string {
  return code
    .replace('"use strict";\n', '')
    .replaceAll(/^\/\*# sourceURL=.*\*\/;\n/gm, '')
    .replaceAll(/^const (schema\d+) = .*;\n/gm, (line, name: string) =>
      code.split(new RegExp(`\\b${name}\\b`)).length > 2 ? line : '',
    );
}

const DYNAMIC_CODE = /\b(?:require\(|eval\(|new Function\b|import\()/;
/**
 * Matches comments and string literals. They are ignored, because they may contain text such as `import()`, for example
 * in an enumeration.
 */
const TEXT = /\/\/.*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

/** @throws {Error} if the code contains a construct that a Content-Security-Policy forbids */
export function refuseDynamicCode(code: string): string {
  const found = DYNAMIC_CODE.exec(code.replaceAll(TEXT, '""'));
  if (found === null) return code;
  throw new Error(
    `The validators would contain ${JSON.stringify(found[0])}, which a Content-Security-Policy forbids. Add a helper that replaces it to codegen/emit/standalone-code.ts.`,
  );
}
