/** Rules about operations: their names are the names that are sent, and their replies belong to their channel. */
import { CONNECTION, messageName, refName } from '../raw.ts';
import type { RawContract, RawOperation, Ref } from '../raw.ts';
import type { Path, Report, Rule } from './rule.ts';

const ERROR = 'error';
/** Placeholders in a scope: `<event>` stands for the events that the request names, `<any>` for any single event. */
const SCOPE_SUBJECTS = ['<event>', '<any>'];

function declaredEvents({ components }: RawContract): readonly string[] {
  return Object.values(components.messages).flatMap(({ 'x-event': event }) => event ?? []);
}

export const OPERATION_RULES: Readonly<Record<string, Rule>> = {
  'operation-message': (raw, report) => {
    for (const [name, operation] of Object.entries(raw.operations)) {
      const channel = refName(operation.channel);
      if (raw.channels[channel] === undefined)
        report(
          ['operations', name, 'channel'],
          `is ${operation.channel.$ref}, which does not exist. Refer to an existing channel.`,
        );
      for (const { ref, path } of refsOf(name, operation)) {
        if (!belongs(raw, channel, ref))
          report(
            path,
            `is ${ref.$ref}, which is not a message of the channel ${channel}. Add it to the channel's messages and refer to it there.`,
          );
      }
    }
    for (const [channel, { messages }] of Object.entries(raw.channels)) {
      for (const [key, ref] of Object.entries(messages)) {
        const known = Object.hasOwn(raw.components.messages, refName(ref)) && refName(ref) === key;
        if (!known)
          report(
            ['channels', channel, 'messages', key],
            `refers to ${ref.$ref}. Refer to #/components/messages/${key}.`,
          );
      }
    }
  },

  'operation-name': (raw, report) => {
    for (const [name, operation] of Object.entries(raw.operations)) {
      const http = operation.bindings?.http;
      if (refName(operation.channel) === CONNECTION) checkWireName(raw, name, operation, report);
      else if (http === undefined)
        report(['operations', name], 'is on an HTTP channel, but has no http binding. Add bindings.http.method.');
      else if (!name.startsWith(`${http.method.toLowerCase()}_`))
        report(
          ['operations', name],
          `has the HTTP method ${http.method}. Begin its name with ${http.method.toLowerCase()}_.`,
        );
    }
  },

  'operation-reply': (raw, report) => {
    for (const [name, operation] of Object.entries(raw.operations)) {
      if (refName(operation.channel) !== CONNECTION) continue;
      const replies = operation.reply?.messages.map((ref) => messageName(raw, ref)) ?? [];
      if (operation.action === 'send' && replies.length > 0)
        report(['operations', name, 'reply'], 'is a reply to a push, but pushes have no reply. Remove it.');
      if (operation.action === 'receive' && (replies.length !== 2 || replies[0] === ERROR || replies[1] !== ERROR)) {
        report(
          ['operations', name, 'reply'],
          `has the messages [${replies.join(', ')}]. List exactly two: the success reply, then ${ERROR} (ENV-3).`,
        );
      }
    }
  },

  'operation-scope': (raw, report) => {
    const kinds = Object.keys(raw['x-scopes'].kinds);
    const forms = kinds.flatMap((kind) =>
      kind.includes(':')
        ? [kind]
        : [...SCOPE_SUBJECTS, ...declaredEvents(raw)].map((subject) => `${kind}:${subject}@<stream>`),
    );
    for (const [name, operation] of Object.entries(raw.operations)) {
      for (const key of ['x-scopes', 'x-full-scopes'] as const)
        for (const [index, scope] of (operation[key] ?? []).entries()) {
          if (forms.includes(scope)) continue;
          report(
            ['operations', name, key, index],
            `is ${scope}, which a server cannot check. Use one of ${forms.join(', ')}.`,
          );
        }
    }
  },

  'operation-tag': (raw, report) => {
    const known = (raw.info.tags ?? []).map(({ name }) => name);
    for (const [name, { tags }] of Object.entries(raw.operations)) {
      for (const [index, tag] of (tags ?? []).entries()) {
        if (!known.includes(tag.name))
          report(
            ['operations', name, 'tags', index],
            `is ${tag.name}, which info.tags lacks. Add it there with a description.`,
          );
      }
    }
  },
};

function refsOf(name: string, { messages, reply }: RawOperation): { readonly ref: Ref; readonly path: Path }[] {
  return [
    ...messages.map((ref, index) => ({ ref, path: ['operations', name, 'messages', index] })),
    ...(reply?.messages ?? []).map((ref, index) => ({ ref, path: ['operations', name, 'reply', 'messages', index] })),
  ];
}

function belongs(raw: RawContract, channel: string, { $ref }: Ref): boolean {
  const prefix = `#/channels/${channel}/messages/`;
  return $ref.startsWith(prefix) && Object.hasOwn(raw.channels[channel]?.messages ?? {}, $ref.slice(prefix.length));
}

/** Checks that a command or push has the name of its message, and that every message of `event` is an event. */
function checkWireName(raw: RawContract, name: string, operation: RawOperation, report: Report): void {
  const names = operation.messages.map((ref) => messageName(raw, ref));
  if (name === 'event') {
    for (const each of names.filter((message) => raw.components.messages[message]?.['x-event'] === undefined))
      report(
        ['operations', name, 'messages'],
        `contains ${each}, which has no x-event. Add x-event to it, or remove it.`,
      );
  } else if (names.length !== 1 || names[0] !== name) {
    report(
      ['operations', name, 'messages'],
      `are [${names.join(', ')}]. An operation must have one message, with the operation's name: ${name}.`,
    );
  }
}
