/** Emits `client.py`: a facade that gives the hand-written runtime the names and types of the contract. The runtime is copied beside it. */
import type { Command, Contract, Event } from '../../model.ts';
import { resolveSchema, schemaName } from '../../model.ts';
import type { Schema } from '../../model.ts';
import { docstring, literal } from './names.ts';
import { ANY_OBJECT, classOf, filterArgument, streams, subscribe, subscribeOverload } from './subscriptions.ts';

export function emitPythonClient(contract: Contract, banner: string): string {
  const filter = filterType(contract);
  const welcome = welcomeType(contract);
  return `"""The client: gives the runtime the types and constants of the contract.

${banner}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeGuard, Union, cast, overload

from . import types
from .protocol import EVENT_KEYS, SPEC
from .runtime.client_core import ClientCore
from .runtime.mirror import Mirror
from .runtime.settings import TokenSource
from .runtime.streams import StreamsReplay, StreamsSubscription
from .runtime.subscription import Subscription
from .runtime.subscription_port import Gap
from .runtime.wait import StreamsWaited, Waited
from .runtime.wire import Position

#: The names of the events that the contract declares.
EventName = Literal[${contract.events.map(({ name }) => literal(name)).join(', ')}]


class Client(ClientCore):
    """A client that reconnects automatically. Its subscriptions resume at their positions.

    Creating a client opens no connection; the first subscription, command or \`\`connect()\`\` opens it. Times are in seconds.
    """

${init()}
${contract.events.map((event) => subscribeOverload(filter, [event.name], classOf(event.schema))).join('\n')}
${subscribeOverload(filter, undefined, 'types.DeclaredEvent', 'Sequence[EventName]')}
${subscribeOverload(filter, undefined, 'types.AnyEvent', 'Sequence[str]')}
${subscribeOverload(filter, undefined, 'Union[types.AnyEvent, Gap]', 'Sequence[str]', 'inline')}
${subscribe(filter)}
${contract.events.map((event) => waitOverload(filter, `Literal[${literal(event.name)}]`, classOf(event.schema))).join('\n')}
${waitOverload(filter, 'str', 'types.AnyEvent')}
${waitFor(filter)}
${streams(contract, filter)}
${mirrors(contract)}
${contract.events.map((event) => broadcastOverload(event, replyTypeOf(contract.commands, 'broadcast'))).join('\n')}
${commands(contract, welcome)}

${contract.events.map(isEventOverload).join('\n\n\n')}


def is_event(event: object, name: str) -> bool:
    """Whether an event is the declared event of this name. Narrows events of subscriptions to several names or a wildcard."""
    return isinstance(event, dict) and cast("dict[str, object]", event).get("event") == name


def is_gap(item: object) -> TypeGuard[Gap]:
    """Whether an item of a subscription with \`\`gaps="inline"\`\` is a gap and not an event."""
    return isinstance(item, Gap)
`;
}

function replyTypeOf(all: readonly Command[], name: string): string {
  const command = all.find((each) => each.name === name);
  return command === undefined ? 'object' : classOf(command.replyData);
}

/** The type of `filter` in `subscribe`: a named schema, or any object. */
function filterType(contract: Contract): string {
  const command = contract.commands.find(({ name }) => name === 'subscribe');
  return named(command === undefined ? undefined : contract.schemas[command.data]?.properties?.['filter']);
}

function welcomeType(contract: Contract): string {
  const schema = contract.messages['welcome']?.schema ?? '';
  return named(contract.schemas[schema] && resolveSchema(contract, contract.schemas[schema]).properties?.['data']);
}

function named(schema: Schema | undefined): string {
  return schema?.$ref === undefined ? ANY_OBJECT : classOf(schemaName(schema.$ref));
}

function init(): string {
  return `    def __init__(
        self,
        url: str,
        *,
        token: Union[TokenSource, None] = None,
        api_key: Union[str, None] = None,
        backoff_min: float = 0.5,
        backoff_max: float = 20.0,
        max_attempts: Union[int, None] = None,
        open_timeout: float = 10.0,
        command_timeout: float = 10.0,
        silent_intervals: float = 2.5,
        stable_after: float = 5.0,
    ) -> None:
        """Raises ValueError if the address is invalid or contains a credential (SEC-2).

        token: a token, or a function (plain or async) that fetches a valid token before each connection and before the current token expires.
        backoff_min: upper bound of the first wait between attempts. backoff_max: upper bound of every wait between attempts.
        max_attempts: consecutive failed attempts after which the client gives up; None for no limit.
        open_timeout: longest time from an attempt to the first message. command_timeout: longest time from a call to its reply.
        silent_intervals: heartbeat intervals without a message after which the client reconnects.
        stable_after: how long a connection must last to reset the backoff.
        """
        super().__init__(
            SPEC,
            url,
            token=token,
            api_key=api_key,
            backoff_min=backoff_min,
            backoff_max=backoff_max,
            max_attempts=max_attempts,
            open_timeout=open_timeout,
            command_timeout=command_timeout,
            silent_intervals=silent_intervals,
            stable_after=stable_after,
        )
`;
}

const BROADCAST_OPTIONS = (values: boolean): string => {
  const or = (value: string): string => (values ? value : '...');
  return `        stream: Union[str, None] = ${or('None')},
        source: Union[str, None] = ${or('None')},
        idempotency_key: Union[str, None] = ${or('None')},
        timeout: Union[float, None] = ${or('None')},
`;
};

function broadcastOverload({ name, payload }: Event, reply: string): string {
  return `    @overload
    async def broadcast(
        self,
        event: Literal[${literal(name)}],
        payload: ${classOf(payload)},
        *,
${BROADCAST_OPTIONS(false)}    ) -> ${reply}: ...
`;
}

/** The client's methods that send a command, except those that subscribe. Reply types and most summaries are from the contract. */
function commands({ commands: all }: Contract, welcome: string): string {
  const replyOf = (name: string): string => replyTypeOf(all, name);
  const summaryOf = (name: string): string => docstring(all.find((each) => each.name === name)?.summary ?? '');
  const broadcasted = replyOf('broadcast');
  return `    async def broadcast(
        self,
        event: str,
        payload: Mapping[str, object],
        *,
${BROADCAST_OPTIONS(true)}    ) -> ${broadcasted}:
        """${summaryOf('broadcast')}

        The gateway must have broadcast turned on, and the credential needs a publish scope (BRD-1, BRD-2). With an idempotency key the
        call can be repeated safely. For an event that the contract does not declare, use :meth:\`broadcast_custom\`.

        Raises TidemarkError (the server rejected the command) or ConnectionLost (\`\`connection_lost\`\`: the event may have been
        published).
        """
        return await self.broadcast_custom(
            event, payload, stream=stream, source=source, idempotency_key=idempotency_key, timeout=timeout
        )

    async def broadcast_custom(
        self,
        event: str,
        payload: Mapping[str, object],
        *,
${BROADCAST_OPTIONS(true)}    ) -> ${broadcasted}:
        """Publishes an event of any name; its payload is any JSON object (EVT-4). Raises the same errors as :meth:\`broadcast\`."""
        data: dict[str, object] = {"event": event, "payload": payload}
        if stream is not None:
            data["stream"] = stream
        if source is not None:
            data["source"] = source
        if idempotency_key is not None:
            data["idempotencyKey"] = idempotency_key
        return cast(${broadcasted}, await self._call("broadcast", data, timeout))

    async def connect(self, *, timeout: Union[float, None] = None) -> ${welcome}:
        """Connects now instead of on first use. Returns the server's \`\`welcome\`\`. Raises ConnectionLost."""
        await self.ping(timeout=timeout)
        assert self._welcome is not None
        return cast(${welcome}, self._welcome)

    async def ping(self, *, timeout: Union[float, None] = None) -> ${replyOf('ping')}:
        """${summaryOf('ping')} Raises TidemarkError or ConnectionLost."""
        return cast(${replyOf('ping')}, await self._call("ping", {}, timeout))

    async def sync(self, stream: str = "main", *, timeout: Union[float, None] = None) -> ${replyOf('sync')}:
        """Returns when every matching event that was published on the stream before this call has been received (SYN-1).

        The events may still wait in a subscription's buffer. Raises TidemarkError or ConnectionLost.
        """
        return cast(${replyOf('sync')}, await self._call("sync", {"stream": stream}, timeout))

    async def list_subscriptions(self, *, timeout: Union[float, None] = None) -> ${replyOf('list_subscriptions')}:
        """${summaryOf('list_subscriptions')} Raises TidemarkError or ConnectionLost."""
        return cast(${replyOf('list_subscriptions')}, await self._call("list_subscriptions", {}, timeout))

    async def authenticate(self, token: str, *, timeout: Union[float, None] = None) -> ${replyOf('authenticate')}:
        """Replaces the credential of the connection. Subscriptions that the new credential covers continue, the others end (SEC-3).

        Later connections use the new token too, unless the client has a token function. Raises TidemarkError or ConnectionLost.
        """
        return cast(${replyOf('authenticate')}, await self._authenticate(token, timeout))
`;
}

const WAIT_OPTIONS = (filter: string, values: boolean): string => {
  const or = (value: string): string => (values ? value : '...');
  return `        *,
        stream: str = ${or('"main"')},
        filter: Union[${filter}, None] = ${or('None')},
        since: Union[Position, None] = ${or('None')},
        timeout: Union[float, None] = ${or('None')},
        on_gap: Union[Callable[[Gap], object], None] = ${or('None')},
`;
};

function waitOverload(filter: string, event: string, item: string): string {
  return `    @overload
    async def wait_for(
        self,
        event: ${event},
        predicate: Union[Callable[[${item}], bool], None] = ...,
${WAIT_OPTIONS(filter, false)}    ) -> Waited[${item}]: ...
`;
}

function waitFor(filter: string): string {
  return `    async def wait_for(
        self,
        event: str,
        predicate: Union[Callable[[Any], bool], None] = None,
${WAIT_OPTIONS(filter, true)}    ) -> Waited[Any]:
        """Waits for the first event that matches the name or pattern and that the predicate accepts.

        since: events after this position count, even if they were published before the call. Without \`\`since\`\`, only events published from
        now on count. \`\`(await client.sync())["position"]\`\` is the current position.
        timeout: in seconds, including the time to connect.
        on_gap: called for each gap, and the wait continues. Without \`\`on_gap\`\`, a gap ends the wait, because the awaited event may be lost.

        Raises WaitFailed (\`\`timeout\`\` or \`\`gap\`\`), the exception of the predicate, or the error that ended the subscription. Cancelling the task ends the wait.
        """
        return await self._wait_for(
            event,
            predicate,
            stream=stream,
            filter=${filterArgument(filter)},
            since=since,
            timeout=timeout,
            on_gap=on_gap,
        )
`;
}

/** The events that are kept by key, grouped by key space. Events that are kept by name form one group. */
function keySpaces({ events }: Contract): readonly (readonly Event[])[] {
  const kept = events.filter(({ replay: { policy } }) => policy === 'latest' || policy === 'latest-per-key');
  const spaces = Map.groupBy(kept, ({ name, replay }) => (replay.policy === 'latest' ? '' : (replay.keySpace ?? name)));
  return [...spaces.values()];
}

/**
 * The overloads of `mirror`: one for each event that is kept by key, except events that only delete a key. A key space of several events
 * also has an overload for the common prefix of their names, if no event outside the key space has this prefix.
 */
function mirrors(contract: Contract): string {
  const patterns = keySpaces(contract).flatMap((space) => {
    const values = space.filter(({ replay }) => replay.clears !== true);
    const prefix = commonPrefix(space.map(({ name }) => name));
    const isOwn = contract.events.every((event) => space.includes(event) || !event.name.startsWith(prefix));
    const single = values.map((event) => ({ pattern: event.name, types: [event] }));
    return space.length > 1 && prefix !== '' && isOwn ? [...single, { pattern: `${prefix}*`, types: values }] : single;
  });
  const overloads = patterns.map(({ pattern, types }) => {
    const classes = types.map(({ schema }) => classOf(schema));
    const item = classes.length === 1 ? classes[0] : `Union[${classes.join(', ')}]`;
    return `    @overload
    def mirror(self, pattern: Literal[${literal(pattern)}], *, stream: str = ...) -> Mirror[${item}]: ...
`;
  });
  return `${overloads.join('\n')}
    @overload
    def mirror(self, pattern: str, *, stream: str = ...) -> Mirror[types.AnyEvent]: ...

    def mirror(self, pattern: str, *, stream: str = "main") -> Mirror[Any]:
        """A read-only mapping from each key to its newest event.

        The mapping follows the state that the server keeps, also across reconnects, gaps and new epochs.

        \`\`async with client.mirror(...) as entities\`\` waits until the first state is complete. The contract defines the keys, and which events delete a key.

        Raises ValueError if the pattern covers no event that is kept by key, or events of several key spaces.
        """
        return self._mirror(EVENT_KEYS, pattern, stream)
`;
}

/** The longest common beginning of names that ends at a separator. */
function commonPrefix(names: readonly string[]): string {
  const [first = ''] = names;
  const ends = [...first.matchAll(/[_.]/g)].map(({ index }) => index + 1);
  return first.slice(0, ends.findLast((end) => names.every((name) => name.startsWith(first.slice(0, end)))) ?? 0);
}

function isEventOverload({ name, schema }: Event): string {
  return `@overload
def is_event(event: object, name: Literal[${literal(name)}]) -> TypeGuard[${classOf(schema)}]: ...`;
}
