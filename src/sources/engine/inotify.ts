/**
 * Calls inotify(7) through koffi. Unlike `fs.watch`, inotify reports an overflow of the kernel's queue and the end of a watch, and reports
 * names as bytes. A watch needs no JavaScript object. All watches share one queue, which can be read at any time, without returning to the
 * event loop.
 *
 *     struct inotify_event { int wd; uint32_t mask, cookie, len; char name[len]; }
 */
import { constants } from 'node:os';
import koffi from 'koffi';
import { toBuffer } from '../names.ts';
import type { ByteString } from '../names.ts';
import type { Engine, Move, ReportKind, Reports, WatchId } from './engine.ts';

const IN_MODIFY = 0x2;
const IN_ATTRIB = 0x4;
const IN_CLOSE_WRITE = 0x8;
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_MOVE_SELF = 0x800;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
const IN_ONLYDIR = 0x01000000;
const IN_DONT_FOLLOW = 0x02000000;

/**
 * The inotify events to receive. Closing a file is included, because a write through a memory mapping is reported only when the file is
 * closed.
 */
const WATCHED =
  IN_MODIFY |
  IN_ATTRIB |
  IN_CLOSE_WRITE |
  IN_MOVED_FROM |
  IN_MOVED_TO |
  IN_CREATE |
  IN_DELETE |
  IN_MOVE_SELF |
  IN_ONLYDIR |
  IN_DONT_FOLLOW;
const GUARDED = IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;
const NAMED = IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
const NONBLOCK_CLOEXEC = 0o2004000;
const POLLIN = 1;
const HEADER = 16;
const BUFFER_BYTES = 256 * 1024;

function systemError(call: string): Error {
  const number = koffi.errno();
  const code = Object.entries(constants.errno).find(([, each]) => each === number)?.[0] ?? `errno ${number}`;
  const hint = code === 'ENOSPC' ? ': the limit on watches is reached; increase fs.inotify.max_user_watches' : '';
  return Object.assign(new Error(`${call} failed with ${code}${hint}`), { code });
}

function kindOf(mask: number): ReportKind {
  if ((mask & NAMED) !== 0) return 'name';
  if ((mask & IN_CLOSE_WRITE) !== 0) return 'closed';
  return (mask & IN_ATTRIB) === 0 ? 'content' : 'attributes';
}

function bind() {
  const libc = koffi.load(null);
  return {
    init: libc.func('int inotify_init1(int flags)'),
    add: libc.func('int inotify_add_watch(int fd, const uint8_t *path, uint32_t mask)'),
    remove: libc.func('int inotify_rm_watch(int fd, int wd)'),
    eventfd: libc.func('int eventfd(unsigned int count, int flags)'),
    poll: libc.func('int poll(void *fds, unsigned long count, int timeout)'),
    read: libc.func('long read(int fd, void *buffer, unsigned long bytes)'),
    close: libc.func('int close(int fd)'),
  };
}

export class InotifyEngine implements Engine {
  readonly coversTree = false;
  /**
   * A file descriptor. To end a wait, write an eight-byte number other than zero to it. Only the thread that writes to the descriptor may
   * close it.
   */
  readonly bell: number;
  readonly #calls = bind();
  readonly #descriptor: number;
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  readonly #polled = Buffer.alloc(16);
  readonly #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, BUFFER_BYTES);
  #closed = false;

  /** @throws {Error} if the system has no free inotify instance or file descriptor */
  constructor() {
    this.#descriptor = this.#calls.init(NONBLOCK_CLOEXEC) as number;
    if (this.#descriptor < 0) throw systemError('inotify_init1');
    this.bell = this.#calls.eventfd(0, NONBLOCK_CLOEXEC) as number;
    if (this.bell < 0) throw systemError('eventfd');
    this.#polled.writeInt32LE(this.#descriptor, 0);
    this.#polled.writeInt16LE(POLLIN, 4);
    this.#polled.writeInt32LE(this.bell, 8);
    this.#polled.writeInt16LE(POLLIN, 12);
  }

  add(path: ByteString): WatchId {
    const watch = this.#calls.add(this.#descriptor, toBuffer(`${path}\0`), WATCHED) as number;
    if (watch < 0) throw systemError('inotify_add_watch');
    return watch;
  }

  addGuard(path: ByteString): WatchId | undefined {
    const watch = this.#calls.add(this.#descriptor, toBuffer(`${path}\0`), GUARDED) as number;
    return watch < 0 ? undefined : watch;
  }

  remove(watch: WatchId): void {
    this.#calls.remove(this.#descriptor, watch);
  }

  drain(reports: Reports): boolean {
    for (let any = false; ; any = true) {
      const length = Number(this.#calls.read(this.#descriptor, this.#buffer, BUFFER_BYTES));
      if (length <= 0) return any;
      for (let at = 0; at < length;) at += this.#report(at, reports);
    }
  }

  #report(at: number, reports: Reports): number {
    const watch = this.#view.getInt32(at, true);
    const mask = this.#view.getUint32(at + 4, true);
    const length = this.#view.getUint32(at + 12, true);
    if ((mask & IN_Q_OVERFLOW) !== 0) reports.onOverflow();
    else if ((mask & IN_IGNORED) !== 0) reports.onEnd(watch);
    // A report without a name is about the watched directory itself. All except a move are ignored, because the watch of the parent
    // directory reports the same change.
    else if ((mask & IN_MOVE_SELF) !== 0) reports.onMoved(watch);
    else if (length > 0) reports.onName(watch, this.#name(at + HEADER, length), kindOf(mask), this.#moveOf(mask, at));
    return HEADER + length;
  }

  #moveOf(mask: number, at: number): Move | undefined {
    if ((mask & (IN_MOVED_FROM | IN_MOVED_TO)) === 0) return undefined;
    return { cookie: this.#view.getUint32(at + 8, true), half: (mask & IN_MOVED_FROM) === 0 ? 'to' : 'from' };
  }

  #name(from: number, length: number): ByteString {
    const end = this.#buffer.indexOf(0, from);
    return this.#buffer.toString('latin1', from, end < 0 || end > from + length ? from + length : end);
  }

  wait(timeoutMs: number): Promise<void> {
    this.#calls.poll(this.#polled, 2, timeoutMs);
    if (this.#polled.readInt16LE(14) !== 0) this.#calls.read(this.bell, this.#buffer, 8);
    // Let the event loop run once, so that messages to this thread are received.
    return new Promise((resolve) => setImmediate(resolve));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#calls.close(this.#descriptor);
  }
}
