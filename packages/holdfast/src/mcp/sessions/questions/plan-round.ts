/**
 * What has to be asked of a 2025-era client for a handler that returned `input_required`, or why it cannot be. Says what
 * the SDK's own shim for such clients says, in its words, so that it makes no difference to anybody which of them asks.
 */
import { randomUUID } from "node:crypto";
import type { ClientCapabilities, InputRequiredResult, JSONRPCRequest } from "@modelcontextprotocol/server";

import { isObject } from "../../is-object.ts";
import type { Question, QuestionMethod } from "../calls/call-record.ts";
import { errorResponse, type RpcResponse } from "../messages.ts";
import { failure } from "./end-round.ts";
import { questionId } from "./question-id.ts";

export type RoundInit = {
  readonly request: JSONRPCRequest;
  readonly result: InputRequiredResult;
  readonly capabilities: ClientCapabilities;
  readonly streamId: string;
  /** From 1. */
  readonly round: number;
  readonly maxRounds: number;
};

export type Round =
  | { readonly type: "ask"; readonly questions: readonly Question[]; readonly messages: readonly JSONRPCRequest[] }
  /** There is nothing to ask: the handler only wants its state back. */
  | { readonly type: "again" }
  | { readonly type: "failure"; readonly response: RpcResponse };

export function planRound(init: RoundInit): Round {
  const { request, result, round, maxRounds } = init;
  const { method } = request;
  if (round > maxRounds) {
    const text = `Multi-round-trip request '${method}' still required input after ${maxRounds} rounds (inputRequired.maxRounds)`;
    return { type: "failure", response: failure(method, request.id, text) };
  }
  const entries = Object.entries(result.inputRequests ?? {});
  if (entries.length > 0) return ask(init, entries);
  if (typeof result.requestState === "string") return { type: "again" };
  return broken(
    request,
    `Handler for ${method} returned an input-required result with neither inputRequests nor requestState (every InputRequiredResult must include at least one of the two)`,
  );
}

function ask(
  { request, capabilities, streamId, round }: RoundInit,
  entries: readonly (readonly [string, unknown])[],
): Round {
  const { method } = request;
  const questions: Question[] = [];
  const messages: JSONRPCRequest[] = [];
  for (const [key, entry] of entries) {
    const kind = isObject(entry) && typeof entry["method"] === "string" ? entry["method"] : undefined;
    if (kind === undefined) {
      return broken(
        request,
        `Handler for ${method} returned an invalid input request '${key}': each inputRequests entry must be an embedded elicitation/create, sampling/createMessage, or roots/list request`,
      );
    }
    const params = isObject(entry) && isObject(entry["params"]) ? entry["params"] : undefined;
    if (!isQuestionMethod(kind)) {
      return broken(
        request,
        `Handler for ${method} returned an input request '${key}' of kind '${kind}', which is not an embedded request the 2026-07-28 revision defines`,
      );
    }
    if (kind !== "roots/list" && params === undefined) {
      return broken(
        request,
        `Handler for ${method} returned an input request '${key}' of kind '${kind}' without params`,
      );
    }
    if (!canAnswer(capabilities, kind, params ?? {})) {
      const text = `Cannot request input '${key}' (${kind}): the client on this 2025-era connection did not declare the required capability`;
      return { type: "failure", response: failure(method, request.id, text) };
    }
    const id = questionId(streamId, round, questions.length);
    questions.push({ id, key, method: kind });
    messages.push({ jsonrpc: "2.0", id, method: kind, params: wireParams(kind, params ?? {}, id) });
  }
  return { type: "ask", questions, messages };
}

function isQuestionMethod(method: string): method is QuestionMethod {
  return method === "elicitation/create" || method === "sampling/createMessage" || method === "roots/list";
}

function canAnswer(
  can: ClientCapabilities,
  method: QuestionMethod,
  params: Readonly<Record<string, unknown>>,
): boolean {
  switch (method) {
    case "roots/list":
      return can.roots !== undefined;
    case "sampling/createMessage": {
      const withTools = params["tools"] !== undefined || params["toolChoice"] !== undefined;
      return can.sampling !== undefined && (!withTools || can.sampling.tools !== undefined);
    }
    case "elicitation/create": {
      const { elicitation } = can;
      if (elicitation === undefined) return false;
      if (params["mode"] === "url") return elicitation.url !== undefined;
      // Before there were modes an empty object meant forms.
      return elicitation.form !== undefined || elicitation.url === undefined;
    }
  }
}

/** As 2025-era clients expect it: with the mode named, and with an id where the user is sent elsewhere. */
function wireParams(
  method: QuestionMethod,
  params: Readonly<Record<string, unknown>>,
  id: string,
): Readonly<Record<string, unknown>> {
  const meta = isObject(params["_meta"]) ? params["_meta"] : {};
  // Who reports progress is still at it, and is given more time.
  const withToken = { ...params, _meta: { ...meta, progressToken: id } };
  if (method !== "elicitation/create") return withToken;
  if (params["mode"] !== "url") return { ...withToken, mode: "form" };
  return params["elicitationId"] === undefined ? { ...withToken, elicitationId: randomUUID() } : withToken;
}

/** A fault of the handler, and no tool result: no model could do anything about it. */
function broken(request: JSONRPCRequest, message: string): Round {
  return { type: "failure", response: errorResponse(request.id, -32603, message) };
}
