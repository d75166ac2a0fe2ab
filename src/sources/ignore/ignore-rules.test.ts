import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { array, assert as check, constantFrom, property, record, tuple, uniqueArray } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { toBuffer, toByteString } from '../names.ts';
import type { ByteString } from '../names.ts';
import { IgnoreRules, rulesAbove } from './ignore-rules.ts';
import { parsePattern } from './pattern.ts';
import type { PatternOptions } from './pattern.ts';
import { readRuleFile } from './rule-file.ts';

const OPTIONS = { foldCase: false };
const directories: string[] = [];

afterEach(() => {
  for (const each of directories.splice(0)) rmSync(each, { recursive: true, force: true });
});

/** Creates a repository that contains these ignore files. */
function repository(files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-ignore-'));
  directories.push(directory);
  git(directory, ['init', '-q']);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(directory, dirname(path)), { recursive: true });
    writeFileSync(join(directory, path), Buffer.from(text, 'latin1'));
  }
  return directory;
}

function git(directory: string, args: readonly string[], input?: Buffer): Buffer {
  const { stdout, status, stderr } = spawnSync('git', ['-C', directory, ...args], {
    ...(input === undefined ? {} : { input }),
    env: { ...process.env, GIT_CONFIG_NOSYSTEM: '1', HOME: directory, XDG_CONFIG_HOME: directory },
  });
  if (status !== 0 && status !== 1) throw new Error(`git ${args.join(' ')}: ${String(stderr)}`);
  return stdout;
}

/** The paths that Git ignores. All files must exist, because Git checks on the disk whether a path is a directory. */
function ignoredByGit(
  directory: string,
  paths: readonly ByteString[],
  { foldCase }: PatternOptions = OPTIONS,
): Set<ByteString> {
  const input = Buffer.concat(paths.map((each) => toBuffer(`${each}\0`)));
  const answer = git(
    directory,
    ['-c', `core.ignorecase=${foldCase}`, 'check-ignore', '--no-index', '-z', '--stdin'],
    input,
  ).toString('latin1');
  return new Set(answer.split('\0').filter((each) => each !== ''));
}

/** Reads the ignore files from the root down, as the source does. @returns a function that decides whether our rules ignore a path */
function judge(root: string, options: PatternOptions = OPTIONS): (path: ByteString) => boolean {
  const bytes = toByteString(root);
  const { rules: above, prefix } = rulesAbove(bytes, options);
  const known = new Map([['', new IgnoreRules(prefix, readRuleFile(`${bytes}/.gitignore`, options), above)]]);
  const rulesOf = (directory: ByteString): IgnoreRules => {
    const before = known.get(directory);
    if (before !== undefined) return before;
    const file = readRuleFile(`${bytes}/${directory}/.gitignore`, options);
    const rules = new IgnoreRules(`${prefix}${directory}/`, file, rulesOf(parentOf(directory)));
    known.set(directory, rules);
    return rules;
  };
  const ignores = (path: ByteString, kind: 'file' | 'directory'): boolean => {
    const directory = parentOf(path);
    return (directory !== '' && ignores(directory, 'directory')) || rulesOf(directory).ignores(prefix + path, kind);
  };
  return (path) => ignores(path, 'file');
}

function parentOf(path: ByteString): ByteString {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

function isIgnored(root: string, path: ByteString): boolean {
  return judge(root)(path);
}

function makeFiles(directory: string, paths: readonly ByteString[]): ByteString[] {
  return paths.filter((path) => {
    try {
      mkdirSync(toBuffer(`${toByteString(directory)}/${dirname(path)}`), { recursive: true });
      writeFileSync(toBuffer(`${toByteString(directory)}/${path}`), 'x', { flag: 'a' });
      return true;
    } catch {
      // The path cannot be created, because a file exists where it needs a directory, or the reverse.
      return false;
    }
  });
}

/** Creates those paths that can be created, and returns which of them are ignored by Git and which by our rules. */
function compare(files: Readonly<Record<string, string>>, paths: readonly ByteString[]) {
  const directory = repository(files);
  const made = makeFiles(directory, paths);
  const byGit = ignoredByGit(directory, made);
  const pick = (ignored: (path: ByteString) => boolean): ByteString[] => made.filter(ignored);
  return { byGit: pick((path) => byGit.has(path)), byUs: pick((path) => isIgnored(directory, path)) };
}

/** Names and parts of patterns that occur in real ignore files, and names that contain special characters of patterns. */
const NAMES = [
  ...[
    'a',
    'b',
    'A',
    'B',
    'k',
    'K',
    'ab',
    'aB',
    'a.b',
    '.a',
    'foo',
    'foo.txt',
    'build',
    'Build',
    'é',
    'E\u0301',
    'z',
    'Z1',
  ],
  ...['a ', ' a', '#a', '!a', 'a!b', 'a\\b', '\\a', 'a[b', 'a]', '[ab]', 'a-b', 'a\tb', 'x\r', '**', '*', 'a*', '?'],
  ...['_', '^', 'a$', '~a', '@', '`', '{', '['],
];
const PIECES = [
  ...['a', 'b', 'A', 'B', 'k', '.', 'foo', 'build', 'é', 'E\u0301', '_', '-', '^', '{a,b}', '?a', '*.txt'],
  ...['*', '**', '***', '?', '/', '//', '**/', '/**', '/**/', ' ', '\t', '\r', '!', '#', '[', ']'],
  ...['\\', '\\*', '\\a', '\\ ', '\\#', '\\!', '[ab]', '[!a]', '[^b]', '[a-z]', '[A-Z]', '[Z-a]', '[A-z]', '[*-@]'],
  ...['[]a]', '[!]a]', '[a-]', '[\\]]', '[\\a-\\z]', '[a/b]', '[/]', '[^-', '[!^]', '[[:upper:]]', '[[:lower:]]'],
  ...['[[:alpha:]-z]', '[[:space:]]', '[[:punct:]]', '[[:digit:]', '[[.a.]]'],
];
const STARTS = ['', '', '', '', '!', '/', '!/', '#', '\\!', ' ', '\\#', '**/'];
const ENDS = ['', '', '', '/', ' ', '/ ', '\\ ', '  ', '\t', '\\', '/*', '/**'];

const line = tuple(
  constantFrom(...STARTS),
  array(constantFrom(...PIECES), { minLength: 1, maxLength: 6 }),
  constantFrom(...ENDS),
).map(([start, pieces, end]) => toByteString(start + pieces.join('') + end));
const generatedRules: Arbitrary<ByteString> = tuple(
  constantFrom('', '', '', '\u00ef\u00bb\u00bf'),
  array(line, { maxLength: 5 }),
  constantFrom('\n', '\n', '\n', '\r\n'),
  constantFrom('', '\n', '\r\n', '\r', '\n\n'),
).map(([start, lines, separator, end]) => start + lines.join(separator) + end);
const generatedPath = array(constantFrom(...NAMES).map(toByteString), { minLength: 1, maxLength: 4 });
const generatedTree = record({
  paths: uniqueArray(
    generatedPath.map((segments) => segments.join('/')),
    { minLength: 6, maxLength: 14 },
  ),
  top: generatedRules,
  inner: generatedRules,
});

function writeBytes(directory: string, path: ByteString, text: ByteString): void {
  writeFileSync(toBuffer(`${toByteString(directory)}/${path}`), Buffer.from(text, 'latin1'));
}

/** Creates a generated tree below a name. @returns the paths that could be created */
function plant(
  directory: string,
  name: string,
  {
    paths,
    top,
    inner,
  }: { readonly paths: readonly ByteString[]; readonly top: ByteString; readonly inner: ByteString },
): ByteString[] {
  const made = makeFiles(
    directory,
    paths.map((each) => `${name}/${each}`),
  );
  writeBytes(directory, `${name}/.gitignore`, top);
  const nested = made.map((each) => dirname(each)).find((each) => each !== name);
  if (nested !== undefined) writeBytes(directory, `${nested}/.gitignore`, inner);
  return made;
}

const CASES: readonly (readonly [name: string, files: Readonly<Record<string, string>>, paths: readonly string[]])[] = [
  [
    'case',
    { '.gitignore': 'Build/\n*.LOG\nREADME.md\n' },
    ['build/x.ts', 'a.log', 'readme.md', 'Build/x.ts', 'a.LOG', 'README.md'],
  ],
  ['a byte order mark', { '.gitignore': '\u00ef\u00bb\u00bf*.log\nx.txt\n' }, ['a.log', 'x.txt']],
  ['carriage returns', { '.gitignore': '*.log\r\nout/\r\n' }, ['a.log', 'out/x']],
  ['negation', { '.gitignore': 'build/*\n!build/keep/\n' }, ['build/keep/x', 'build/y']],
  [
    'nested files',
    { '.gitignore': '*.log\n!keep.log\n', 'p/.gitignore': 'keep.log\n' },
    ['keep.log', 'p/keep.log', 'a.log'],
  ],
  [
    'brackets',
    { '.gitignore': '*.[[:digit:]]\nx[!a]y\n[z-a]q\nr[a-]s\nt[]]u\nv[[:nope:]]w\n' },
    ['a.5', 'a.d', 'xby', 'xay', 'zq', 'r-s', 't]u', 'vnw'],
  ],
  ['a backslash at the end', { '.gitignore': 'test\\\nok.txt\n' }, ['test', 'ok.txt']],
  ['spaces', { '.gitignore': 'a \nb\\ \n  c\n' }, ['a', 'b ', 'b', '  c', 'c']],
  ['an unclosed bracket', { '.gitignore': 'foo[\nbar\n' }, ['foo[', 'bar', 'foo']],
  ['ranges', { '.gitignore': 'pqh[A-\\]\nbar\npqi[A-/]\n' }, ['pqhA', 'bar', 'pqiA']],
  [
    'double stars',
    { '.gitignore': '**/foo/**\na/**/b\n**x\nc**/d\n' },
    ['foo/y', 'z/foo/y', 'a/b', 'a/q/r/b', 'dx', 'd/yx', 'cd', 'cc/e/d', 'c/d'],
  ],
  ['escapes', { '.gitignore': '\\#a\n\\!b\n#c\n' }, ['#a', '!b', '#c']],
  [
    'slashes',
    { '.gitignore': 'doc/frotz\nfoo/\n/top\n' },
    ['doc/frotz', 'a/doc/frotz', 'foo/x', 'a/foo/x', 'top', 'a/top'],
  ],
  ['bytes', { '.gitignore': 'a?b\n' }, ['a/b', 'axb', 'a\u00c3\u00a9b']],
  [
    'plain characters',
    { '.gitignore': '$RECYCLE.BIN/\na+b\n(x)\n{a,b}.ts\n' },
    ['$RECYCLE.BIN/x', 'a+b', '(x)', 'a.ts', '{a,b}.ts'],
  ],
  [
    'a directory that is allowed again',
    { '.gitignore': 'dist/\n', 'pkg/.gitignore': '!dist/\n' },
    ['pkg/dist/x.js', 'dist/x'],
  ],
  ['everything but', { '.gitignore': '/*\n!/src\n!/.gitignore\n' }, ['src/a', 'lib/a']],
  ['not UTF-8', { '.gitignore': 'caf\u00e9/\nx?y\n' }, ['caf\u00e9/x', 'x\u00e9y', 'caf\u00c3\u00a9/x']],
  [
    'the exclude file',
    { '.git/info/exclude': '*.log\n!a.log\nb\n', '.gitignore': 'a.log\n!b\n' },
    ['a.log', 'b', 'c.log'],
  ],
];

describe('ignore rules agree with git check-ignore', () => {
  test.each(CASES)('about %s', (_name, files, paths) => {
    const { byGit, byUs } = compare(files, paths);
    expect(byUs).toEqual(byGit);
  });

  /** Each case is one run of Git over ten trees; `TIDEMARK_IGNORE_RUNS` sets the number of runs. */
  const numRuns = Number(process.env['TIDEMARK_IGNORE_RUNS'] ?? 2);

  test.each([
    ['on a file system that distinguishes upper and lower case', false],
    ['on a file system that does not', true],
  ])('over generated trees and rules %s', (_name, foldCase) => {
    const directory = repository({});
    const forests = array(generatedTree, { minLength: 10, maxLength: 10 });
    check(
      property(forests, generatedRules, generatedRules, (trees, top, exclude) => {
        for (const each of readdirSync(directory))
          if (each !== '.git') rmSync(join(directory, each), { recursive: true });
        writeBytes(directory, '.git/info/exclude', exclude);
        writeBytes(directory, '.gitignore', top);
        const made = trees.flatMap((tree, n) => plant(directory, `t${n}`, tree));
        const wanted = ignoredByGit(directory, made, { foldCase });
        const ignoredTops = ignoredByGit(
          directory,
          trees.map((_tree, n) => `t${n}`),
          { foldCase },
        );
        const isIgnoredFromTop = judge(directory, { foldCase });
        const fromTop = made.filter((path) => isIgnoredFromTop(path) !== wanted.has(path));
        // The same, if a directory below the root of the repository is watched.
        const fromBelow = trees.flatMap((_tree, n) => {
          if (ignoredTops.has(`t${n}`)) return [];
          const isIgnoredFromBelow = judge(join(directory, `t${n}`), { foldCase });
          const below = made.filter((path) => path.startsWith(`t${n}/`));
          return below.filter((path) => isIgnoredFromBelow(path.slice(`t${n}/`.length)) !== wanted.has(path));
        });
        expect([fromTop, fromBelow]).toEqual([[], []]);
      }),
      { numRuns },
    );
  });

  test('below a directory that is not the root of its repository', () => {
    const directory = repository({
      '.gitignore': '/pkg/out/\n*.tmp\n',
      '.git/info/exclude': 'secret\n',
      'pkg/.gitignore': '!b.tmp\n',
    });
    const paths = ['out/x', 'a.tmp', 'b.tmp', 'secret', 'src/secret', 'fine.ts'];
    makeFiles(`${directory}/pkg`, paths);
    const wanted = ignoredByGit(
      directory,
      paths.map((each) => `pkg/${each}`),
    );
    expect(paths.filter((each) => isIgnored(`${directory}/pkg`, each)).map((each) => `pkg/${each}`)).toEqual([
      ...wanted,
    ]);
  });

  test('in a linked work tree, whose exclude file is in the repository', () => {
    const directory = repository({ '.git/info/exclude': 'secret\n', a: '1' });
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
    git(directory, ['add', 'a']);
    git(directory, [...identity, 'commit', '-qm', 'a']);
    git(directory, ['worktree', 'add', '-q', 'linked']);
    makeFiles(`${directory}/linked`, ['secret', 'fine']);
    expect([...ignoredByGit(`${directory}/linked`, ['secret', 'fine'])]).toEqual(['secret']);
    expect(['secret', 'fine'].filter((each) => isIgnored(`${directory}/linked`, each))).toEqual(['secret']);
  });
});

describe('a pattern', () => {
  test('takes time linear in pattern × path', () => {
    const visits = (stars: number): number => {
      const pattern = parsePattern('**/a*/'.repeat(stars), OPTIONS);
      const path = Array.from({ length: 200 }, () => 'aaaa').join('/');
      const before = process.cpuUsage().user;
      for (let n = 0; n < 50; n += 1) pattern?.matches(path);
      return process.cpuUsage().user - before;
    };
    visits(9);
    // With exponential cost, matching would never end. A pattern that is nine times as long may cost about nine times as much; the test
    // allows a hundred times.
    expect(visits(18)).toBeLessThan(100 * Math.max(visits(2), 1_000));
  });
});

describe('an ignore file', () => {
  test.each([
    ['a FIFO', (path: string) => void spawnSync('mkfifo', [path])],
    ['a link to an endless device', (path: string) => symlinkSync('/dev/zero', path)],
    ['a directory', (path: string) => mkdirSync(path)],
    ['a huge file', (path: string) => writeFileSync(path, Buffer.alloc(2 * 1024 * 1024, 'a\n'))],
  ])('is not used if it is %s, and the reason is reported', (_name, make) => {
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-ignore-'));
    directories.push(directory);
    make(join(directory, '.gitignore'));
    const file = readRuleFile(toByteString(join(directory, '.gitignore')), OPTIONS);
    expect(file.patterns).toEqual([]);
    expect(file.problem).toMatch(/regular file|bytes/);
  });
});
