/**
 * The nodes that share a Redis: how they learn of each other, and ask each other questions.
 *
 *   tidemark:0:nodes        beat <id> <number> <node>   sent at each interval by every node (heartbeat.ts)
 *                           bye <id>                    sent by a node that leaves on purpose
 *                           ask <id> <number> <text>    a question to all other nodes
 *   tidemark:0:nodes:<id>   answer <id> <number> <text> to the node that asked
 *
 * `<id>` identifies the process that sends the message, and is never used for another one. In `tidemark:0:nodes:<id>`, it is the process
 * that asked. `<number>` counts the heartbeats of a process, or its questions; an answer has the number of its question.
 * `<node>` is percent-encoded. It consists of the name of the node and, after a line break, the digest of its contract.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerLog, BrokerPeer, NodeAnswer, NodeAnswers } from '../broker.ts';
import type { RedisConnection } from './connection.ts';

export interface RedisNodesOptions {
  readonly connection: Pick<RedisConnection, 'publish'>;
  /** The channel that all nodes share. */
  readonly channel: string;
  /** The channel of one node. */
  readonly channelOf: (nodeId: string) => string;
  readonly nodeId: string;
  /** Returns the answer of this node; undefined if it cannot answer. `isAwaited` is that of `BrokerListener.onQuestion`. */
  readonly answer: (question: string, isAwaited: () => boolean) => string | Promise<string> | undefined;
  /** Interval between two heartbeats of a node, in milliseconds. */
  readonly intervalMs: number;
  /** If another node sends no heartbeat for this time, in milliseconds, it counts as dead. This node then does not wait for its answers. */
  readonly deadAfterMs: number;
  readonly log: BrokerLog;
}

/** The announcement of a node, which is part of each heartbeat. */
export function announcementOf(name: string, contractDigest: string | undefined): string {
  return encodeURIComponent(contractDigest === undefined ? name : `${name}\n${contractDigest}`);
}

interface Peer {
  name: string;
  contractDigest: string | undefined;
  heardAt: number;
}

interface Question {
  readonly awaited: Set<string>;
  readonly answers: Map<string, NodeAnswer>;
  readonly done: () => void;
}

/** How long to wait for an answer, in milliseconds. */
const ANSWER_WITHIN_MS = 1_000;
/** A node that ended without leaving is reported as missing for this time after its last heartbeat, in milliseconds. */
const MISSED_FOR_MS = 60_000;
/** The maximum length of an answer. It is far below the 8 MB of unsent data at which Redis disconnects a slow subscriber. */
const MAX_ANSWER_CHARACTERS = 4 * 1024 * 1024;

export class RedisNodes {
  readonly #options: RedisNodesOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #questions = new Map<number, Question>();
  #asked = 0;
  #startedAt: number | undefined;

  constructor(options: RedisNodesOptions) {
    this.#options = options;
  }

  /** Must be called each time this node has subscribed to its channels, including after a reconnect. */
  listening(): void {
    this.#startedAt ??= performance.now();
  }

  /** Handles a text on the channel of all nodes: `beat`, `bye` or `ask`. Ignores other texts. */
  receive(text: string): void {
    const [kind, nodeId = ''] = text.split(' ', 2);
    if (nodeId === this.#options.nodeId) return;
    if (kind === 'beat') this.#noteHeartbeat(nodeId, text.slice(text.lastIndexOf(' ') + 1));
    else if (kind === 'bye') this.#peers.delete(nodeId);
    else if (kind === 'ask') void this.#reply(nodeId, text.slice(`ask ${nodeId} `.length));
  }

  /** Handles a text on the channel of this node, which is an answer. */
  receiveAnswer(text: string): void {
    const [kind, nodeId = '', number = ''] = text.split(' ', 3);
    const question = this.#questions.get(Number(number));
    if (kind !== 'answer' || question === undefined) return;
    const answer = text.slice(`answer ${nodeId} ${number} `.length);
    question.answers.set(nodeId, { node: this.#peers.get(nodeId)?.name ?? nodeId, answer });
    question.awaited.delete(nodeId);
    if (question.awaited.size === 0) question.done();
  }

  /** Asks all live nodes. Nodes that were seen within the last minute and do not answer are reported as missing. */
  async ask(text: string, { reachable }: { readonly reachable: boolean }): Promise<NodeAnswers> {
    if (reachable) await this.#haveListened();
    const now = performance.now();
    for (const [nodeId, { heardAt }] of this.#peers) {
      if (reachable && now - heardAt > MISSED_FOR_MS) this.#peers.delete(nodeId);
    }
    const awaited = [...this.#peers].flatMap(([nodeId, { heardAt }]) =>
      reachable && now - heardAt <= this.#options.deadAfterMs ? [nodeId] : [],
    );
    const answers = awaited.length === 0 ? new Map<string, NodeAnswer>() : await this.#put(text, awaited);
    const missing = [...this.#peers].flatMap(([nodeId, { name }]) => (answers.has(nodeId) ? [] : [name]));
    return { answers: [...answers.values()], missing: missing.toSorted() };
  }

  async leave(): Promise<void> {
    await this.#options.connection.publish(this.#options.channel, `bye ${this.#options.nodeId}`).catch(() => undefined);
  }

  /** The live nodes. */
  peers(): readonly BrokerPeer[] {
    const since = performance.now() - this.#options.deadAfterMs;
    return [...this.#peers.values()]
      .filter(({ heardAt }) => heardAt >= since)
      .map(({ name, contractDigest }) => ({ nodeId: name, contractDigest }));
  }

  #noteHeartbeat(nodeId: string, announcement: string): void {
    const [name = '', contractDigest] = decodeURIComponent(announcement).split('\n');
    this.#peers.set(nodeId, { name, contractDigest, heardAt: performance.now() });
  }

  /** Answers a question. Never rejects: if no answer is sent, the asking node reports this node as missing. */
  async #reply(nodeId: string, numbered: string): Promise<void> {
    const space = numbered.indexOf(' ');
    const until = performance.now() + ANSWER_WITHIN_MS;
    const isAwaited = (): boolean => performance.now() < until;
    try {
      const answer = await this.#options.answer(numbered.slice(space + 1), isAwaited);
      if (answer === undefined || !isAwaited() || answer.length > MAX_ANSWER_CHARACTERS) return;
      const text = `answer ${this.#options.nodeId} ${numbered.slice(0, space)} ${answer}`;
      await this.#options.connection.publish(this.#options.channelOf(nodeId), text);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'This node could not answer a question of another node');
    }
  }

  /** Waits for 1.5 intervals after the start. In this time, every live node sends a heartbeat, and this node learns of it. */
  async #haveListened(): Promise<void> {
    const since = this.#startedAt === undefined ? 0 : performance.now() - this.#startedAt;
    const left = this.#options.intervalMs * 1.5 - since;
    if (left > 0) await delay(left);
  }

  async #put(text: string, awaited: readonly string[]): Promise<ReadonlyMap<string, NodeAnswer>> {
    const number = (this.#asked += 1);
    const answers = new Map<string, NodeAnswer>();
    let timeout: NodeJS.Timeout | undefined;
    const answered = new Promise<void>((resolve) => {
      this.#questions.set(number, { awaited: new Set(awaited), answers, done: resolve });
      timeout = setTimeout(resolve, ANSWER_WITHIN_MS);
    });
    const { connection, channel, nodeId } = this.#options;
    await connection.publish(channel, `ask ${nodeId} ${number} ${text}`).then(
      () => answered,
      () => undefined,
    );
    clearTimeout(timeout);
    this.#questions.delete(number);
    return answers;
  }
}
