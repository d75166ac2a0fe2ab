/** The file watchers that are compared, each with the same interface. */
import { watch } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createGateway } from '../../src/gateway.ts';
import { FileSource } from '../../src/sources/file-source.ts';
import { watchDirectory } from '../../src/sources/watched-directory.ts';

export type Change = 'present' | 'gone';

export interface Listener {
  /** Reports a change. @param path relative to the watched directory */
  readonly onChange: (path: string, change: Change) => void;
  /** Reports that everything below the path may have changed. */
  readonly onLoss: (path: string) => void;
}

/**
 * Prepares a watcher. The returned function starts to watch a directory, and resolves when the watcher is ready to report changes.
 */
export type Watcher = () => Promise<(directory: string, listener: Listener) => Promise<void>>;

const onTheSpot =
  (begin: (directory: string, listener: Listener) => Promise<void>): Watcher =>
  () =>
    Promise.resolve(begin);

export const WATCHERS = {
  /**
   * A gateway that watches the directory. A change counts as reported when the gateway has published its event. The other watchers only
   * call a function.
   */
  gateway: async () => {
    const gateway = createGateway();
    await gateway.listen({ port: 0 });
    return async (directory, { onChange, onLoss }) => {
      await watchDirectory(
        {
          offerFiles: (watched) => gateway.offerFiles(watched),
          health: () => gateway.health(),
          announceLoss: async (loss) => {
            await gateway.announceLoss(loss);
            loss.paths.forEach((each) => onLoss(each));
          },
          publish: async (event, payload, options) => {
            await gateway.publish(event, payload, options);
            const { path, previousPath, changeType } = payload;
            if (previousPath !== undefined) onChange(previousPath, 'gone');
            onChange(path, changeType === 'delete' ? 'gone' : 'present');
          },
        },
        { directory, onWarning: () => undefined },
      );
    };
  },
  'file source': onTheSpot(async (directory, { onChange, onLoss }) => {
    const source = new FileSource({
      directory,
      listener: {
        publish: ({ path, previousPath, changeType }) => {
          if (previousPath !== undefined) onChange(previousPath, 'gone');
          onChange(path, changeType === 'delete' ? 'gone' : 'present');
        },
        loss: (paths) => paths.forEach((each) => onLoss(each)),
        warning: () => undefined,
      },
    });
    await source.start();
  }),
  '@parcel/watcher': onTheSpot(async (directory, { onChange, onLoss }) => {
    const parcel = await importPeer<ParcelWatcher>('@parcel/watcher');
    await parcel.subscribe(
      directory,
      (error, events) => {
        if (error !== null) onLoss('');
        for (const { path, type } of events ?? [])
          onChange(relative(directory, path), type === 'delete' ? 'gone' : 'present');
      },
      { ignore: ['.git'] },
    );
  }),
  chokidar: onTheSpot(async (directory, { onChange, onLoss }) => {
    const chokidar = await importPeer<Chokidar>('chokidar');
    const watcher = chokidar.watch(directory, {
      ignoreInitial: true,
      ignored: (path) => path === join(directory, '.git'),
    });
    watcher.on('all', (event, path) =>
      onChange(relative(directory, path), event.startsWith('unlink') ? 'gone' : 'present'),
    );
    watcher.on('error', () => onLoss(''));
    await new Promise<void>((ready) => {
      watcher.on('ready', () => ready());
    });
  }),
  /** The watcher of Node. It does not report whether a name appeared or disappeared, so every report counts as both. */
  'fs.watch': onTheSpot(async (directory, { onChange }) => {
    watch(directory, { recursive: true }, (_event, path) => {
      if (path === null || path.startsWith('.git')) return;
      onChange(path, 'present');
      onChange(path, 'gone');
    });
    await Promise.resolve();
  }),
} as const satisfies Readonly<Record<string, Watcher>>;

export type WatcherName = keyof typeof WATCHERS;

interface ParcelWatcher {
  subscribe(
    directory: string,
    report: (
      error: Error | null,
      events: readonly { readonly path: string; readonly type: 'create' | 'update' | 'delete' }[] | undefined,
    ) => void,
    options: { readonly ignore: readonly string[] },
  ): Promise<unknown>;
}

interface Chokidar {
  watch(
    directory: string,
    options: { readonly ignoreInitial: true; readonly ignored: (path: string) => boolean },
  ): {
    on(event: 'all', listener: (event: string, path: string) => void): void;
    on(event: 'ready' | 'error', listener: () => void): void;
  };
}

/** Where `npm ci` installs the compared packages. They are not dependencies of the project. */
export const PEERS = join(import.meta.dirname, '..', 'peers');

async function importPeer<T>(name: string): Promise<T> {
  const file = createRequire(join(PEERS, 'package.json')).resolve(name);
  const module = (await import(pathToFileURL(file).href)) as { readonly default?: T } & T;
  return module.default ?? module;
}
