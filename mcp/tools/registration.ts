/** Registers the tools on an MCP server, with their schemas and structured content. Failures become results that a model can act on. */
import { fromJsonSchema } from '@modelcontextprotocol/server';
import type { CallToolResult, McpServer, ServerContext } from '@modelcontextprotocol/server';
import type { Contract } from '../contract/contract.ts';
import type { JsonSchema } from '../contract/schema.ts';
import { failureOf } from '../gateway/failure.ts';
import type { Failure } from '../gateway/failure.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { explain } from './explain.ts';
import { handoffOffer, handoffReport, handoffTake } from './handoff.ts';
import { listEvents } from './list-events.ts';
import { publishEvent } from './publish-event.ts';
import { recentChanges } from './recent-changes.ts';
import type { Tool } from './tool.ts';
import { waitForEvent } from './wait-for-event.ts';
import { whoListens } from './who-listens.ts';

export interface ToolHost {
  readonly gateway: Gateway;
  readonly contract: Contract;
  /** Receives faults of this program. Clients do not receive the texts of these faults. */
  readonly onFault: (error: unknown) => void;
}

/**
 * How often a waiting call reports progress, in milliseconds. Clients cancel a request after about a minute without
 * progress.
 */
const PROGRESS_MS = 15_000;

export function registerTools(server: McpServer, host: ToolHost): void {
  register(server, host, listEvents);
  register(server, host, waitForEvent);
  register(server, host, recentChanges);
  register(server, host, publishEvent);
  register(server, host, explain);
  register(server, host, whoListens);
  register(server, host, handoffOffer);
  register(server, host, handoffTake);
  register(server, host, handoffReport);
}

function register<Arguments>(server: McpServer, host: ToolHost, tool: Tool<Arguments>): void {
  const { contract, gateway, onFault } = host;
  const { input, output } = schemasOf(contract, tool);
  server.registerTool(
    tool.name,
    {
      title: tool.title,
      description: tool.description,
      inputSchema: input,
      outputSchema: output,
      annotations: { readOnlyHint: tool.isReadOnly, idempotentHint: tool.isIdempotent, destructiveHint: false },
    },
    async (parameters: unknown, context: ServerContext): Promise<CallToolResult> => {
      const { signal } = context.mcpReq;
      const stopProgress = reportProgress(context);
      try {
        // The MCP library has already validated the arguments with the input schema.
        const result = await tool.run(parameters as Arguments, { gateway, contract, signal });
        return { content: [{ type: 'text', text: JSON.stringify(result) }], structuredContent: { ...result } };
      } catch (error) {
        signal.throwIfAborted();
        const failure = failureOf(error);
        if (failure === undefined) onFault(error);
        return { isError: true, content: [{ type: 'text', text: textOf(failure) }] };
      } finally {
        stopProgress();
      }
    },
  );
}

interface Schemas {
  readonly input: ReturnType<typeof fromJsonSchema>;
  readonly output: ReturnType<typeof fromJsonSchema>;
}

/** A cache of the compiled schemas of each contract, because over HTTP a new server is created for each request. */
const compiled = new WeakMap<Contract, Map<string, Schemas>>();

function schemasOf<Arguments>(contract: Contract, { name, input, output }: Tool<Arguments>): Schemas {
  const known = compiled.get(contract) ?? new Map<string, Schemas>();
  compiled.set(contract, known);
  const schema = (value: JsonSchema): Schemas['input'] => fromJsonSchema(contract.complete(value));
  const found = known.get(name) ?? { input: schema(input(contract)), output: schema(output(contract)) };
  known.set(name, found);
  return found;
}

function reportProgress({ mcpReq }: ServerContext): () => void {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => undefined;
  let progress = 0;
  const timer = setInterval(() => {
    progress += 1;
    const params = { progressToken, progress, message: 'waiting' };
    mcpReq.notify({ method: 'notifications/progress', params }).catch(() => undefined);
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}

function textOf(failure: Failure | undefined): string {
  if (failure === undefined) return 'internal: An unexpected failure. The log of tidemark-mcp has the details.';
  const { code, message, retryable, retryAfterMs, pointer, details } = failure;
  const retry = retryAfterMs === undefined ? 'A retry may succeed.' : `Retry after ${retryAfterMs} ms.`;
  return [
    `${code}: ${message}`,
    ...(pointer === undefined ? [] : [`At ${pointer}.`]),
    ...(details === undefined ? [] : [`Details: ${JSON.stringify(details)}`]),
    ...(retryable ? [retry] : []),
  ].join(' ');
}
