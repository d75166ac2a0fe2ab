/**
 * `tidemark explain`: shows which subscriptions an event would reach, and why it would not reach the others (OPS-3). Nothing is published.
 */
import type { Command } from 'commander';
import type { Explanation, SubscriptionReport } from '../../generated/types.ts';
import { httpValidators } from '../../generated/validators.js';
import { eventBody, eventOptions, exampleNames } from './event-body.ts';
import type { EventOptions } from './event-body.ts';
import { call, remoteOptions } from './remote.ts';
import { noSubscriptionText, readSubscriptions } from './subscription-reports.ts';
import { plain, print, printJson, printStatus, table, tint } from './terminal.ts';

interface ExplainOptions extends EventOptions {
  readonly principal?: string;
  readonly connection?: string;
  readonly json?: true;
}

type Who = Explanation['matches'][number];
type Mismatch = Explanation['mismatches'][number];

export function registerExplain(program: Command): void {
  eventOptions(remoteOptions(program.command('explain')))
    .description(
      'show which subscriptions an event would reach, and why it would not reach the others; publishes nothing',
    )
    .option('--principal <id>', 'list only the subscriptions of the given principal, such as agent:refactor')
    .option('--connection <id>', 'list only the subscriptions of the given connection')
    .option(
      '--json',
      'print the response of /ws/explain as JSON; its lists contain only what --principal and --connection select',
    )
    .action(explain);
}

async function explain(options: ExplainOptions): Promise<void> {
  if (options.example === 'list') return print(await exampleNames(options));
  const { principal, connection } = options;
  const answer = (await call(options, {
    method: 'POST',
    below: '/explain',
    body: { ...(await eventBody(options)), ...(connection === undefined ? {} : { connectionId: connection }) },
    fits: httpValidators.explanation,
  })) as Explanation;
  const { items } = await readSubscriptions(options, principal === undefined ? {} : { principal });
  const known = new Map(items.map((each) => [keyOf(each), each]));
  const concerns = (who: Who): boolean => principal === undefined || known.has(keyOf(who));
  const matches = answer.matches.filter(concerns);
  const mismatches = answer.mismatches.filter(concerns);
  const unlisted = unlistedOf(answer);
  if (options.json) {
    const counts =
      principal === undefined || unlisted > 0 ? {} : { matchCount: matches.length, mismatchCount: mismatches.length };
    await printJson({ ...answer, matches, mismatches, ...counts });
    if (principal !== undefined && unlisted > 0)
      printStatus(
        tint(
          'yellow',
          'The lists in the response are incomplete, so matchCount and mismatchCount count the subscriptions of all principals.',
        ),
      );
  } else if (matches.length + mismatches.length > 0) await print(reportOf({ matches, mismatches }, known));
  else if (unlisted === 0) await print(noSubscriptionText({ principal, connection }, answer));
  warnOfOthers(answer);
}

/** How many subscriptions the response counts but does not list (OPS-3). */
function unlistedOf({ matches, matchCount, mismatches, mismatchCount }: Explanation): number {
  return matchCount + mismatchCount - matches.length - mismatches.length;
}

function keyOf({ connectionId, subscriptionId }: Who): string {
  return `${connectionId}/${subscriptionId}`;
}

function reportOf(
  { matches, mismatches }: Pick<Explanation, 'matches' | 'mismatches'>,
  known: ReadonlyMap<string, SubscriptionReport>,
): string {
  const who = (each: Who): string[] => {
    const { principal = 'disconnected', remoteAddress = '' } = known.get(keyOf(each)) ?? {};
    return [plain(principal), remoteAddress, each.connectionId, plain(each.subscriptionId)];
  };
  return table([
    ['', 'PRINCIPAL', 'ADDRESS', 'CONNECTION', 'SUBSCRIPTION', 'REASON'],
    ...matches.map((each) => ['receives', ...who(each), '']),
    ...mismatches.map((each) => ['does not', ...who(each), reasonOf(each)]),
  ]);
}

function reasonOf({ clause, wanted, seen }: Mismatch): string {
  const asked = wanted.map(plain).join(', ');
  if (clause === 'stream') return `the subscription is for ${asked}; the event is on ${seen.map(plain).join(', ')}`;
  if (clause === 'events') return `the subscription is for ${asked}; the event is ${seen.map(plain).join(', ')}`;
  const has = seen.length === 0 ? 'the event has none' : `the event has ${seen.map(plain).join(', ')}`;
  return `the filter \`${clause}\` is ${asked}; ${has}`;
}

/** Warns if the response does not list all subscriptions. */
function warnOfOthers(answer: Explanation): void {
  const { missingNodes } = answer;
  const unlisted = unlistedOf(answer);
  if (unlisted > 0)
    printStatus(
      tint('yellow', `${unlisted} more subscriptions are not listed: select one connection with --connection.`),
    );
  if (missingNodes.length > 0)
    printStatus(
      tint(
        'yellow',
        `Nodes that did not answer: ${missingNodes.map(plain).join(', ')}. Their subscriptions are not listed.`,
      ),
    );
}
