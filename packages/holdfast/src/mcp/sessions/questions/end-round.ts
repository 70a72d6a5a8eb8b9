/** How a call ends that waits for its client and will not get what it asked for. */
import type { CallToolResult, JSONRPCMessage, JSONRPCNotification } from "@modelcontextprotocol/server";

import type { Version } from "../../../record/record.ts";
import type { Asking } from "../calls/call-record.ts";
import { endCall } from "../calls/end-call.ts";
import type { SessionDeps } from "../deps.ts";
import { errorResponse, type RpcId, type RpcResponse } from "../messages.ts";
import type { OpenSession } from "../session-gate.ts";

/** Why a question failed, in the words the SDK has for it. */
export const timedOut = "Request timed out";

/** Tools fail in their result, which a model reads; prompts and resources with an error. */
export function failure(method: string, id: RpcId, message: string): RpcResponse {
  if (method !== "tools/call") return errorResponse(id, -32603, message);
  const result: CallToolResult = { content: [{ type: "text", text: message }], isError: true };
  return { jsonrpc: "2.0", id, result };
}

/** The answer to a call one of whose questions failed. */
export function failed({ request: { id, method } }: Asking, reason: string): RpcResponse {
  return failure(method, id, `Fulfilling input required by '${method}' failed: ${reason}`);
}

/** Takes back what is still asked, and ends the call with its answer, or with none. False if others were first. */
export function endRound(
  deps: SessionDeps,
  session: OpenSession,
  streamId: string,
  version: Version,
  asking: Asking,
  answer: RpcResponse | undefined,
): Promise<boolean> {
  const takenBack: readonly JSONRPCMessage[] = asking.questions
    .filter((question) => question.answer === undefined)
    .map(({ id }) => cancelled(id));
  if (answer !== undefined) return endCall(deps, session, { streamId, version, answers: [...takenBack, answer] });
  return endCall(deps, session, { streamId, version, answers: takenBack });
}

function cancelled(requestId: string): JSONRPCNotification {
  return { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId, reason: "no longer needed" } };
}
