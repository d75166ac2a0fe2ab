/** The step `http`: sends one request, or several at once, and compares the response. */
import { createHash } from 'node:crypto';
import { asText } from '../trace/json.ts';
import type { Json, JsonObject } from '../trace/json.ts';
import { resolve } from '../tape/bindings.ts';
import { fits } from '../tape/matcher.ts';
import type { HttpRequest, HttpStep } from '../tape/tape.ts';
import { sendRequest } from './http-request.ts';
import { judgeValue } from './judge-value.ts';
import type { TapeState } from './tape-state.ts';

/** The status of the response to a request above the rate limit (OPS-6). */
const TOO_MANY = 429;
const LIMITED_PAUSE_MS = 250;
function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}

/** @throws {StepFailed} when the response is not as expected in time */
export async function http(step: HttpStep, state: TapeState): Promise<void> {
  const { context, bindings } = state;
  const isLate = context.clock.limit(state.patience(step.within));
  // The casts are safe: the parts of a request are JSON, before and after references are replaced.
  const request = resolve(step.request as unknown as Json, bindings) as unknown as HttpRequest;
  const ask = async (): Promise<JsonObject> => {
    const { status, headers, text, body } = await sendRequest({ context, check: state.tape.header.id, request });
    return { status, headers, body, digest: `sha256:${createHash('sha256').update(text).digest('hex')}` };
  };
  for (;;) {
    const answers = await Promise.all(Array.from({ length: step.times ?? 1 }, ask));
    const answer = answers.find((each) => fits(step.expect, each, bindings)) ?? answers[0] ?? {};
    const isLimited = answer['status'] === TOO_MANY && step.times === undefined && !isLate();
    if (isLimited && !fits(step.expect, answer, bindings)) {
      // Other tapes have used up the rate limit of this address (OPS-6), so this tape waits and retries.
      await pause(LIMITED_PAUSE_MS);
      continue;
    }
    const settled = fits(step.expect, answer, bindings);
    if (settled || step.within === undefined || isLate()) {
      const judgement = {
        state,
        line: step.line,
        text: `the response to ${request.method} ${request.path} is not as expected`,
        cause: { text: `${request.method} ${request.path.split('?')[0]} answers ${asText(answer['status'])}` },
        ...(step.within === undefined ? {} : { late: true as const }),
        ...(step.bind === undefined ? {} : { bind: step.bind }),
      };
      return judgeValue(step.expect, answer, judgement);
    }
    await pause(50);
  }
}
