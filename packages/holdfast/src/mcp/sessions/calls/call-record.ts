/**
 * A call that streams has a record of its own, beside its session's, under the id of its stream: who runs it, which of
 * its requests are unanswered, and, while it waits for its client, what it asked. The record is there as long as the
 * call is open. Its node ends it in the commit that logs the last answer; who finds that node dead ends it in the commit
 * that logs an error instead. A record ends once, so a call has one end.
 *
 *     absent ──first message──> running ──asks its client──> asking ──last answer──> running ──result──> absent
 *                                  └──node dead: error──> absent  └──cancelled, failed, too late──> absent
 */
import type { JSONRPCRequest } from "@modelcontextprotocol/server";

import type { Creation, NewDocument } from "../../../record/change.ts";
import { HoldfastError } from "../../../record/errors.ts";
import type { Lifetime, RecordKey } from "../../../record/record.ts";
import { isObject } from "../../is-object.ts";
import type { RpcId } from "../messages.ts";

export const callKind = "holdfast.call";
/** Counts how often the call's stream was resumed: its connection is the one with the highest token. */
export const resumesCounter = "resumes";

export type QuestionMethod = "elicitation/create" | "sampling/createMessage" | "roots/list";

/** One thing a handler wants to know of its client. */
export type Question = {
  /** What the client answers to, unique in the fleet. */
  readonly id: string;
  /** What the handler calls it. */
  readonly key: string;
  readonly method: QuestionMethod;
  readonly answer?: unknown;
};

/** A call that cannot go on before its client has answered, and all that any node needs to go on with it. */
export type Asking = {
  /** As the client sent it, but for what it may not say. */
  readonly request: JSONRPCRequest;
  readonly requestState?: string | undefined;
  /** From 1: how often the handler has asked. */
  readonly round: number;
  readonly questions: readonly Question[];
  /** How long the client may take. */
  readonly timeoutMs: number;
};

export type CallDocument = {
  readonly session: string;
  /** The node that runs the call, or ran it last. */
  readonly node: string;
  readonly unanswered: readonly RpcId[];
  readonly asking?: Asking | undefined;
};

/** Running calls of nodes that died, whose clients never came back, are forgotten after this long. */
const runningMs = 24 * 3_600_000;
/** A question's record outlives its time, so that who finds it late can still say what happened. */
const graceMs = 60_000;

export function callKey(streamId: string): RecordKey {
  return { kind: callKind, id: streamId };
}

export function callLifetime({ asking }: CallDocument): Lifetime {
  return { idleMs: asking === undefined ? runningMs : asking.timeoutMs + graceMs };
}

/** Whether the client took too long, by the store's clock. */
export function isOverdue(record: { readonly expiresAt?: number | undefined }, at: number): boolean {
  return record.expiresAt !== undefined && record.expiresAt - at <= graceMs;
}

/** A call's document as it is stored, with what is listed of it. */
export function callDocument(document: CallDocument): NewDocument {
  const { session, asking } = document;
  return { text: JSON.stringify(document), fields: { session, asking: asking !== undefined } };
}

export function callCreation(document: CallDocument): Creation {
  return { ...callDocument(document), lifetime: callLifetime(document) };
}

export function readCallDocument(text: string): CallDocument {
  const value: unknown = JSON.parse(text);
  if (!isObject(value) || typeof value["session"] !== "string" || !Array.isArray(value["unanswered"])) {
    throw new HoldfastError("STORE_CORRUPT", `a ${callKind} record holds no call; end it`);
  }
  // Written by this file only, and checked for what tells it from anything else.
  return value as CallDocument;
}
