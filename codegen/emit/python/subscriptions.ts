/** Emits the methods of the Python client that subscribe: to one stream and to several. */
import type { Contract } from '../../model.ts';
import { typeNameOf } from '../../names.ts';
import { literal } from './names.ts';

/** The qualified name of a schema's class. The types module is imported as a whole, so that no class hides a name of this module. */
export function classOf(schema: string): string {
  return `types.${typeNameOf(schema)}`;
}

export const ANY_OBJECT = 'Mapping[str, object]';

function isImported(type: string): boolean {
  return type !== ANY_OBJECT;
}

/**
 * The filter as an argument of the runtime. A filter that already has the required type is not cast, because
 * `mypy --strict` reports a redundant cast as an error.
 */
export function filterArgument(filter: string): string {
  return isImported(filter) ? `cast("Union[${ANY_OBJECT}, None]", filter)` : 'filter';
}

const SUBSCRIBE_OPTIONS = (filter: string, gaps: string, values: boolean): string => {
  const or = (value: string): string => (values ? value : '...');
  return `        stream: str = ${or('"main"')},
        filter: Union[${filter}, None] = ${or('None')},
        replay: Union[Literal["warm", "none"], Position] = ${or('"warm"')},
        subscription_id: Union[str, None] = ${or('None')},
        buffer_limit: int = ${or('10_000')},
        on_full: Literal["park", "error"] = ${or('"park"')},
        gaps: ${gaps},
        on_gap: Union[Callable[[Gap], object], None] = ${or('None')},
`;
};

export function subscribeOverload(
  filter: string,
  names: readonly string[] | undefined,
  item: string,
  type = `Sequence[Literal[${(names ?? []).map(literal).join(', ')}]]`,
  gaps: 'aside' | 'inline' = 'aside',
): string {
  const option = gaps === 'aside' ? 'Literal["aside"] = ...' : 'Literal["inline"]';
  return `    @overload
    def subscribe(
        self,
        events: ${type},
        *,
${SUBSCRIBE_OPTIONS(filter, option, false)}    ) -> Subscription[${item}]: ...
`;
}

export function subscribe(filter: string): string {
  return `    def subscribe(
        self,
        events: Sequence[str],
        *,
${SUBSCRIBE_OPTIONS(filter, 'Literal["aside", "inline"] = "aside"', true)}    ) -> Subscription[Any]:
        """Subscribes to events. The subscription resumes automatically after a reconnect, yields each event once and reports gaps.

        replay: "warm" to receive the current state first, "none" for new events only, or a Position to resume from.
        buffer_limit: how many items may wait for the reader. on_full: what happens when the buffer is full: \`\`park\`\` unsubscribes and
        resumes when half of the buffer has been read; \`\`error\`\` ends the subscription with the position to resume from.
        gaps: \`\`inline\`\` also yields gaps, in order between the events; \`\`on_gap\`\` is called for each gap in either case.

        Raises ValueError if another subscription has the id, ConnectionLost after \`\`close()\`\`.
        """
        return self._subscribe(
            events,
            stream=stream,
            filter=${filterArgument(filter)},
            replay=replay,
            subscription_id=subscription_id,
            buffer_limit=buffer_limit,
            on_full=on_full,
            gaps=gaps,
            on_gap=on_gap,
        )
`;
}

const FOLLOW_OPTIONS = (filter: string, gaps: string, values: boolean): string =>
  SUBSCRIBE_OPTIONS(filter, gaps, values)
    .replace(/ {8}stream: .*\n/, '')
    .replace('Union[Literal["warm", "none"], Position]', 'StreamsReplay');

function followOverload(filter: string, events: string, item: string, gaps: string): string {
  return `    @overload
    def follow_streams(
        self,
        streams: Sequence[str],
        events: ${events},
        *,
${FOLLOW_OPTIONS(filter, gaps, false)}    ) -> StreamsSubscription[${item}]: ...
`;
}

const ASIDE = 'Literal["aside"] = ...';

/** The methods for several streams in one subscription. */
export function streams({ events }: Contract, filter: string): string {
  const typed = events.map(({ name, schema }) =>
    followOverload(filter, `Sequence[Literal[${literal(name)}]]`, classOf(schema), ASIDE),
  );
  return `${typed.join('\n')}
${followOverload(filter, 'Sequence[EventName]', 'types.DeclaredEvent', ASIDE)}
${followOverload(filter, 'Sequence[str]', 'types.AnyEvent', ASIDE)}
${followOverload(filter, 'Sequence[str]', 'Union[types.AnyEvent, Gap]', 'Literal["inline"]')}
    def follow_streams(
        self,
        streams: Sequence[str],
        events: Sequence[str],
        *,
${FOLLOW_OPTIONS(filter, 'Literal["aside", "inline"] = "aside"', true)}    ) -> StreamsSubscription[Any]:
        """Subscribes to several streams. A pattern such as \`\`session:*\`\` includes streams that appear later.

        After a reconnect each stream resumes at its own position. Every event is yielded once. A gap names its stream (MUL-1, MUL-3).

        replay: "warm" to receive the current state first, "none" for new events only, or positions to resume from, such as
        \`\`subscription.positions\`\`. If a stream has no position there, it is replayed from its first event.
        The other options are those of :meth:\`subscribe\`.

        Raises ValueError if \`\`streams\`\` is empty or another subscription has the id, ConnectionLost after \`\`close()\`\`.
        """
        return self._follow_streams(
            streams,
            events,
            filter=${filterArgument(filter)},
            replay=replay,
            subscription_id=subscription_id,
            buffer_limit=buffer_limit,
            on_full=on_full,
            gaps=gaps,
            on_gap=on_gap,
        )

    async def wait_on_streams(
        self,
        streams: Sequence[str],
        event: str,
        predicate: Union[Callable[[types.AnyEvent], bool], None] = None,
        *,
        filter: Union[${filter}, None] = None,
        since: Union[Mapping[str, Position], None] = None,
        timeout: Union[float, None] = None,
        on_gap: Union[Callable[[Gap], object], None] = None,
    ) -> StreamsWaited[types.AnyEvent]:
        """Waits for one event on several streams. The options are those of :meth:\`wait_for\`.

        since: events after these positions count, even if they were published before the call. If a stream has no position in
        \`\`since\`\`, all its events count. Without \`\`since\`\`, only events published from now on count.

        Raises WaitFailed with the \`\`positions\`\` from which to continue; other errors are those of :meth:\`wait_for\`.
        """
        return await self._wait_on_streams(
            streams,
            event,
            predicate,
            filter=${filterArgument(filter)},
            since=since,
            timeout=timeout,
            on_gap=on_gap,
        )
`;
}
