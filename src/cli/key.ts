/** `tidemark key`: manages API keys in the configured storage. A running gateway applies changes within two seconds. */
import type { Command } from 'commander';
import { createKey, isLive } from '../auth/api-key.ts';
import type { StoredKey } from '../auth/api-key.ts';
import { KeyFileStorage } from '../auth/key-file.ts';
import type { KeyStorage } from '../auth/key-ring.ts';
import { keyStorageOf, messageOf } from './authentication.ts';
import { problemLines, readConfiguration } from './configuration.ts';
import { durationOption } from './duration.ts';
import { CliError, EXIT } from './exit.ts';
import { scopeOption, scopesOf } from './scopes.ts';
import { print, printJson, printStatus, table } from './terminal.ts';

interface Place {
  readonly file?: string;
  readonly config?: string;
  readonly json?: true;
}

interface CreateOptions extends Place {
  readonly scope?: readonly string[];
  /** The lifetime of the new key, in seconds. */
  readonly expires?: number;
}

interface RotateOptions extends Place {
  /** How long the old key stays valid, in seconds. */
  readonly overlap: number;
  /** The lifetime of the new key, in seconds. */
  readonly expires?: number;
}

const DEFAULT_OVERLAP_S = 86_400;

export function registerKey(program: Command): void {
  const key = program.command('key').description('create, list, rotate and revoke API keys');
  place(key.command('create <name>'))
    .description('create a key and print it once')
    .addOption(scopeOption())
    .addOption(durationOption('--expires <time>', 'lifetime of the key, for example 90d (default: unlimited)'))
    .action(create);
  place(key.command('list')).description('print all keys, without their secrets').action(list);
  place(key.command('rotate <id>'))
    .description('create a key with the same name, scopes and lifetime; the old key stays valid for the overlap')
    .addOption(durationOption('--overlap <time>', 'how long the old key stays valid').default(DEFAULT_OVERLAP_S, '1d'))
    .addOption(durationOption('--expires <time>', 'lifetime of the new key (default: that of the old key)'))
    .action(rotate);
  place(key.command('revoke <id>'))
    .description('revoke a key: its connections are closed with 4101 on every node')
    .action(revoke);
}

function place(command: Command): Command {
  return command
    .option('--file <file>', 'file with the keys (default: the storage of keys in the configuration)')
    .option('--config <file>', 'configuration file')
    .option('--json', 'print the result as JSON');
}

async function create(name: string, options: CreateOptions): Promise<void> {
  const scopes = scopesOf(options);
  const now = new Date();
  const expiry = options.expires === undefined ? {} : { expiresAt: later(now, options.expires) };
  await withKeys(options, async (storage) => {
    const { secret, stored } = newKey({ name, scopes, now, ...expiry });
    await storage.change((keys) => [...keys, stored]);
    await printKey(secret, stored, options);
  });
}

async function list(options: Place): Promise<void> {
  await withKeys(options, async (storage) => {
    const keys = await storage.read();
    if (options.json) return printJson(keys.map(({ hash: _hash, ...shown }) => shown));
    const rows = keys.map((key) => [key.id, key.name, stateOf(key), key.scopes.join(' ')]);
    await print(table([['ID', 'NAME', 'STATE', 'SCOPES'], ...rows]));
  });
}

async function rotate(id: string, options: RotateOptions): Promise<void> {
  await withKeys(options, async (storage) => {
    const now = new Date();
    const old = await find(storage, id);
    if (!isLive(old, now.getTime()))
      throw new CliError(`The key ${id} is no longer valid; create a new one.`, EXIT.usage);
    const lifetime = options.expires ?? lifetimeOf(old);
    const { secret, stored } = newKey({
      name: old.name,
      scopes: old.scopes,
      now,
      ...(lifetime === undefined ? {} : { expiresAt: later(now, lifetime) }),
    });
    const end = later(now, options.overlap).toISOString();
    const expiresAt = old.expiresAt === undefined || end < old.expiresAt ? end : old.expiresAt;
    await storage.change((keys) => [...keys.map((key) => (key.id === id ? { ...key, expiresAt } : key)), stored]);
    await printKey(secret, stored, options);
    printStatus(`The key ${id} stays valid until ${expiresAt}.`);
  });
}

async function revoke(id: string, options: Place): Promise<void> {
  await withKeys(options, async (storage) => {
    await find(storage, id);
    const revokedAt = new Date().toISOString();
    await storage.change((keys) =>
      keys.map((key) => (key.id === id ? { ...key, revokedAt: key.revokedAt ?? revokedAt } : key)),
    );
    if (options.json) await printJson({ id, revokedAt: (await find(storage, id)).revokedAt });
    else printStatus(`The key ${id} is revoked.`);
  });
}

async function printKey(secret: string, { hash: _hash, ...shown }: StoredKey, { json }: Place): Promise<void> {
  if (json) return printJson({ key: secret, ...shown });
  await print(secret);
  printStatus(
    `The key ${shown.id} of ${shown.name} has the scopes ${shown.scopes.join(', ')}. It will not be shown again.`,
  );
}

function newKey(request: Parameters<typeof createKey>[0]): ReturnType<typeof createKey> {
  try {
    return createKey(request);
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(error.message, EXIT.usage, { cause: error });
    throw error;
  }
}

async function find(storage: KeyStorage, id: string): Promise<StoredKey> {
  const found = (await storage.read()).find((key) => key.id === id);
  if (found !== undefined) return found;
  throw new CliError(`Unknown key ${id}; \`tidemark key list\` shows the ids.`, EXIT.usage);
}

async function withKeys(options: Place, body: (storage: KeyStorage) => Promise<void>): Promise<void> {
  const storage = storageOf(options);
  try {
    await body(storage);
  } catch (error) {
    if (error instanceof CliError || error instanceof TypeError) throw error;
    const exitCode = storage instanceof KeyFileStorage ? EXIT.usage : EXIT.unreachable;
    throw new CliError(messageOf(error), exitCode, { cause: error });
  } finally {
    await storage.close();
  }
}

function storageOf({ file, config }: Place): KeyStorage {
  if (file !== undefined) return new KeyFileStorage(file);
  const resolved = readConfiguration(config === undefined ? {} : { config });
  const storage = keyStorageOf(resolved.config);
  if (storage !== undefined) return storage;
  if (resolved.problems.length > 0) throw new CliError(problemLines(resolved.problems), EXIT.usage);
  throw new CliError(
    'No key storage is configured: give --file, or set `auth.apiKeysFile` or `auth.apiKeys`.',
    EXIT.usage,
  );
}

/** The lifetime of a key in seconds; undefined if the key never expires. */
function lifetimeOf({ createdAt, expiresAt }: StoredKey): number | undefined {
  return expiresAt === undefined ? undefined : (Date.parse(expiresAt) - Date.parse(createdAt)) / 1000;
}

function later(from: Date, seconds: number): Date {
  return new Date(from.getTime() + seconds * 1000);
}

function stateOf(key: StoredKey): string {
  if (key.revokedAt !== undefined) return `revoked ${key.revokedAt}`;
  if (key.expiresAt === undefined) return 'live';
  return isLive(key, Date.now()) ? `until ${key.expiresAt}` : `expired ${key.expiresAt}`;
}
