import type { ClientCapabilities } from "@modelcontextprotocol/server";

import type { Owner } from "../../../record/record.ts";
import { openCalls } from "../calls/clear-calls.ts";
import type { SessionDeps } from "../deps.ts";
import type { ParkedCall } from "../instance.ts";
import { failure } from "./end-round.ts";
import { planRound } from "./plan-round.ts";

/** What a handler that only wants its state back waits, so that one which never has enough does not spin. */
const againMs = 250;

/** Asks the client what a handler needs, and leaves the call in the store; or answers it with why that cannot be. */
export async function parkCall(
  deps: SessionDeps,
  session: { readonly owner: Owner; readonly id: string; readonly capabilities: ClientCapabilities },
  { request, exchange, needed, again }: ParkedCall,
): Promise<void> {
  const { maxRounds, roundTimeoutMs, maxWaitingCalls } = deps.options;
  const round = exchange.nextRound();
  const { streamId } = exchange;
  const { requestState } = needed;
  const plan = planRound({ request, result: needed, capabilities: session.capabilities, streamId, round, maxRounds });
  switch (plan.type) {
    case "failure":
      return exchange.respond(plan.response);
    case "again":
      setTimeout(() => again({ requestState }), againMs);
      return undefined;
    case "ask":
      if (await hasTooMany(deps, session, maxWaitingCalls)) {
        const text = `${maxWaitingCalls} calls of this session wait for answers already; answer or cancel one, then repeat`;
        return exchange.respond(failure(request.method, request.id, text));
      }
      return exchange.park(
        { request: asSent(request), requestState, round, questions: plan.questions, timeoutMs: roundTimeoutMs },
        plan.messages,
      );
  }
}

async function hasTooMany(
  { store }: SessionDeps,
  { owner, id }: { readonly owner: Owner; readonly id: string },
  most: number,
): Promise<boolean> {
  let count = 0;
  for await (const _ of openCalls(store, owner, id, { asking: true })) {
    count += 1;
    if (count >= most) return true;
  }
  return false;
}

/** What an earlier round put in is no part of the request. */
function asSent(request: ParkedCall["request"]): ParkedCall["request"] {
  const { inputResponses: _answers, requestState: _state, ...params } = request.params ?? {};
  return { ...request, params };
}
