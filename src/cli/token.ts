/** `tidemark token`: creates tokens for development and for services, and shows the claims of a token. */
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
import { print, printJson, printStatus, table, tint } from './terminal.ts';

interface CreateOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly scope?: readonly string[];
  /** The lifetime of the token, in seconds. */
  readonly expires: number;
  readonly secretFile?: string;
  readonly secretVariable?: string;
}

const DEFAULT_LIFETIME_S = 900;
const MIN_SECRET_BYTES = 32;

export function registerToken(program: Command): void {
  const token = program.command('token').description('create and inspect tokens (JWT)');
  token
    .command('create')
    .description('print a token signed with a secret (HS256)')
    .requiredOption('--issuer <issuer>', 'issuer of the token; must equal `issuer` in the configuration of the gateway')
    .requiredOption(
      '--subject <id>',
      'subject of the token, such as ana; gateways add the kind of the issuer, as in user:ana',
    )
    .option(
      '--audience <audience>',
      'audience of the token; must equal `audience` in the configuration of the gateway',
      'tidemark',
    )
    .addOption(scopeOption())
    .addOption(durationOption('--expires <time>', 'lifetime of the token').default(DEFAULT_LIFETIME_S, '15min'))
    .option('--secret-file <file>', 'file with the secret that signs the token')
    .option('--secret-variable <name>', 'environment variable with the secret that signs the token')
    .action(create);
  token
    .command('inspect')
    .description('read a token from stdin and show its claims; the signature is not checked')
    .option('--json', 'print the claims as JSON')
    .action(inspect);
}

async function create(options: CreateOptions): Promise<void> {
  const { issuer, audience, subject, expires } = options;
  const scopes = scopesOf(options);
  if (!isSubject(subject))
    throw new CliError(
      '--subject must be 1 to 200 printable ASCII characters without spaces; gateways reject other subjects.',
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

/** Warns about a lifetime that gateways reject by default. This is not an error, because the settings of the gateway are unknown here. */
function warnOfLifetime(expires: number): void {
  const { maxLifetimeSeconds } = readAuthSettings({}).settings;
  if (expires <= maxLifetimeSeconds) return;
  const text = `warning: A gateway rejects tokens with a lifetime above its \`auth.maxLifetimeSeconds\`, ${maxLifetimeSeconds} by default; the lifetime of this token is ${expires}.`;
  printStatus(tint('yellow', text));
}

/** The secret is never read from the command line, because every user of the machine can see the arguments of a process. */
function secretOf({ secretFile, secretVariable }: CreateOptions): string {
  if ((secretFile === undefined) === (secretVariable === undefined))
    throw new CliError('Give either --secret-file or --secret-variable.', EXIT.usage);
  const secret = (secretFile === undefined ? process.env[secretVariable ?? ''] : readFile(secretFile))?.trim() ?? '';
  if (Buffer.byteLength(secret) >= MIN_SECRET_BYTES) return secret;
  throw new CliError(
    `The secret has fewer than ${MIN_SECRET_BYTES} bytes. Create one with: openssl rand -base64 48`,
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
    throw new CliError('stdin contains no JWT; expected three parts separated by dots.', EXIT.usage, { cause: error });
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
        ? 'missing: gateways reject this token'
        : `${new Date(exp * 1000).toISOString()}${exp * 1000 < Date.now() ? ' (expired)' : ''}`,
    ],
    ...scopeRows(scope ?? scopes),
  ];
  await print(table(rows));
}

/** Shows how a gateway interprets the scopes. A gateway ignores scopes of other services. */
function scopeRows(claim: unknown): string[][] {
  const texts = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim.map(String) : [];
  if (texts.length === 0) return [['scopes', 'none: this token allows nothing']];
  return texts.map((text, index) => {
    try {
      parseScope(text);
      return [index === 0 ? 'scopes' : '', text];
    } catch {
      return [index === 0 ? 'scopes' : '', `${text} (unknown scope; has no effect)`];
    }
  });
}
