/**
 * The nodes that share a Redis: who is there, and what they answer when one of them asks.
 *
 *   tidemark:nodes        beat <id> <number> <node>   each second, by every node (heartbeat.ts sends it)
 *                         bye <id>                    a node that goes in good order
 *                         ask <id> <number> <text>    a question to everybody else
 *   tidemark:nodes:<id>   answer <id> <number> <text> to the node that asked
 *
 * `<node>` is what people call the node and, after a line break, the digest of its contract, percent-encoded; `<id>` belongs to one process and is never used again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { BrokerPeer, NodeAnswer, NodeAnswers } from '../broker.ts';
import type { RedisConnection } from './connection.ts';

export interface RedisNodesOptions {
  readonly connection: Pick<RedisConnection, 'publish'>;
  /** Where all nodes listen. */
  readonly channel: string;
  /** Where one node listens. */
  readonly channelOf: (nodeId: string) => string;
  readonly nodeId: string;
  /** What this node answers; undefined when it does not understand. */
  readonly answer: (question: string) => string | undefined;
  /** Between two heartbeats of a node, in milliseconds. */
  readonly intervalMs: number;
  /** A node without a heartbeat for so long is not waited for. */
  readonly deadAfterMs: number;
}

/** What a node says of itself in each heartbeat. */
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

/** How long an answer is waited for. */
const ANSWER_WITHIN_MS = 1_000;
/** A node that went silent without a word is named as missing for so long. */
const MISSED_FOR_MS = 60_000;
/** Of an answer: well below the 8 MB at which Redis begins to lose patience with a subscriber that is slow to read. */
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

  /** Called after every (re)subscription. */
  listening(): void {
    this.#startedAt ??= performance.now();
  }

  /** A text on the channel of all nodes; those of other kinds are left alone. */
  receive(text: string): void {
    const [kind, nodeId = ''] = text.split(' ', 2);
    if (nodeId === this.#options.nodeId) return;
    if (kind === 'beat') this.#hear(nodeId, text.slice(text.lastIndexOf(' ') + 1));
    else if (kind === 'bye') this.#peers.delete(nodeId);
    else if (kind === 'ask') this.#reply(nodeId, text.slice(`ask ${nodeId} `.length));
  }

  /** A text on this node's own channel. */
  receiveAnswer(text: string): void {
    const [kind, nodeId = '', number = ''] = text.split(' ', 3);
    const question = this.#questions.get(Number(number));
    if (kind !== 'answer' || question === undefined) return;
    const answer = text.slice(`answer ${nodeId} ${number} `.length);
    question.answers.set(nodeId, { node: this.#peers.get(nodeId)?.name ?? nodeId, answer });
    question.awaited.delete(nodeId);
    if (question.awaited.size === 0) question.done();
  }

  /** Asks all nodes that are there; the others that were there within the last minute count as missing. */
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

  /** The nodes that are there now. */
  peers(): readonly BrokerPeer[] {
    const since = performance.now() - this.#options.deadAfterMs;
    return [...this.#peers.values()]
      .filter(({ heardAt }) => heardAt >= since)
      .map(({ name, contractDigest }) => ({ nodeId: name, contractDigest }));
  }

  #hear(nodeId: string, announcement: string): void {
    const [name = '', contractDigest] = decodeURIComponent(announcement).split('\n');
    this.#peers.set(nodeId, { name, contractDigest, heardAt: performance.now() });
  }

  #reply(nodeId: string, numbered: string): void {
    const space = numbered.indexOf(' ');
    const answer = this.#options.answer(numbered.slice(space + 1));
    if (answer === undefined || answer.length > MAX_ANSWER_CHARACTERS) return;
    const text = `answer ${this.#options.nodeId} ${numbered.slice(0, space)} ${answer}`;
    // Who gets no answer names this node as missing.
    this.#options.connection.publish(this.#options.channelOf(nodeId), text).catch(() => undefined);
  }

  /** A node that has just come knows of the others after their next heartbeat. */
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
