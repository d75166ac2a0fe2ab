/** `tidemark token`: makes tokens for development and services, and says what is in one. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { isSubject } from '../auth/token-verifier.ts';
import { parseScope } from '../auth/scope.ts';
import { readAuthSettings } from '../auth/settings.ts';
import { durationOption } from './duration.ts';
import { CliError, EXIT } from './exit.ts';
import { reasonOf } from './reason.ts';
import { scopeOption, scopesOf } from './scopes.ts';
import { print, printJson, say, table, tint } from './terminal.ts';

interface CreateOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly scope?: readonly string[];
  /** Seconds. */
  readonly expires: number;
  readonly secretFile?: string;
  readonly secretVariable?: string;
}

const DEFAULT_LIFETIME_S = 900;
const MIN_SECRET_BYTES = 32;

export function registerToken(program: Command): void {
  const token = program.command('token').description('make and look into tokens (JWT)');
  token
    .command('create')
    .description('print a token signed with a secret (HS256)')
    .requiredOption('--issuer <issuer>', '`issuer` of the configuration')
    .requiredOption('--subject <id>', 'whom it is for')
    .option('--audience <audience>', '`audience` of the configuration', 'tidemark')
    .addOption(scopeOption())
    .addOption(durationOption('--expires <time>', 'how long it lives').default(DEFAULT_LIFETIME_S, '15min'))
    .option('--secret-file <file>', 'file with the secret')
    .option('--secret-variable <name>', 'variable of the environment with the secret')
    .action(create);
  token
    .command('inspect')
    .description('read a token from stdin and say what it claims; its signature is not checked')
    .option('--json', 'print JSON')
    .action(inspect);
}

async function create(options: CreateOptions): Promise<void> {
  const { issuer, audience, subject, expires } = options;
  const scopes = scopesOf(options);
  if (!isSubject(subject))
    throw new CliError(
      '--subject is 1 to 200 printable ASCII characters without spaces: no gateway takes another one.',
      EXIT.usage,
    );
  const now = Math.floor(Date.now() / 1000);
  const jwt = new SignJWT({ scope: scopes.join(' ') })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + expires);
  const token = await jwt.sign(new TextEncoder().encode(secretOf(options)));
  warnOfLifetime(expires);
  await print(token);
}

/** With the settings of this command the token may be fine, and no gateway take it: the one who serves decides. */
function warnOfLifetime(expires: number): void {
  const { maxLifetimeSeconds } = readAuthSettings({}).settings;
  if (expires <= maxLifetimeSeconds) return;
  const text = `warning: A gateway refuses tokens that live longer than its \`auth.maxLifetimeSeconds\`, ${maxLifetimeSeconds} by default; this one lives for ${expires}.`;
  say(tint('yellow', text));
}

/** Never from argv, where every user of the machine can read it. */
function secretOf({ secretFile, secretVariable }: CreateOptions): string {
  if ((secretFile === undefined) === (secretVariable === undefined))
    throw new CliError('Give --secret-file or --secret-variable.', EXIT.usage);
  const secret = (secretFile === undefined ? process.env[secretVariable ?? ''] : readFile(secretFile))?.trim() ?? '';
  if (Buffer.byteLength(secret) >= MIN_SECRET_BYTES) return secret;
  throw new CliError(
    `The secret has fewer than ${MIN_SECRET_BYTES} bytes. Make one: openssl rand -base64 48`,
    EXIT.usage,
  );
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError(`${path} cannot be read: ${reasonOf(error)}`, EXIT.usage, { cause: error });
  }
}

async function inspect({ json }: { readonly json?: true }): Promise<void> {
  const text = readFileSync(0, 'utf8').trim();
  let header: ReturnType<typeof decodeProtectedHeader>;
  let claims: ReturnType<typeof decodeJwt>;
  try {
    header = decodeProtectedHeader(text);
    claims = decodeJwt(text);
  } catch (error) {
    throw new CliError('What came on stdin is no JWT: three parts, split by dots.', EXIT.usage, { cause: error });
  }
  if (json) return printJson({ header, claims });
  const { iss, aud, sub, exp, scope, scopes } = claims;
  const rows = [
    ['algorithm', header.alg ?? 'none'],
    ['issuer', iss ?? '-'],
    ['audience', aud === undefined ? '-' : String(aud)],
    ['subject', sub ?? '-'],
    [
      'expires',
      exp === undefined
        ? 'never: no gateway takes it'
        : `${new Date(exp * 1000).toISOString()}${exp * 1000 < Date.now() ? ' (over)' : ''}`,
    ],
    ...scopeRows(scope ?? scopes),
  ];
  await print(table(rows));
}

/** What a gateway makes of the scopes: those of another grammar belong to other services. */
function scopeRows(claim: unknown): string[][] {
  const texts = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim.map(String) : [];
  if (texts.length === 0) return [['scopes', 'none: it may do nothing']];
  return texts.map((text, index) => {
    try {
      parseScope(text);
      return [index === 0 ? 'scopes' : '', text];
    } catch {
      return [index === 0 ? 'scopes' : '', `${text} (no scope of a gateway; does nothing)`];
    }
  });
}
