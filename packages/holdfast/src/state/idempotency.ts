/**
 * A caller's idempotency key as a commit id. The id covers kind, record, operation and key, so that a key is free to
 * be used elsewhere; the digest covers the intent in canonical JSON, so that another intent is found out.
 */

import { createHash } from "node:crypto";
import { isOfLength } from "../record/text.ts";
import type { CommitId, CommitOutcome } from "../store/contract.ts";
import type { Engine } from "./engine.ts";
import { canonicalJson, jsonText } from "./json.ts";
import { checkIdempotency } from "./method-options.ts";
import { invalid, reusedCommitId } from "./refusals.ts";
import type { Idempotency } from "./types.ts";

export type Operation = {
  readonly kind: string;
  /** Absent where the operation makes the record. */
  readonly id?: string | undefined;
  readonly name: string;
};

const maxIntentBytes = 4_194_304;

/**
 * The commit id of an operation: from the caller's key, or from the call it is a part of, where that call counts once;
 * else none. Has to be asked for as soon as the operation is, so that a call which is run again counts alike.
 * Throws `INVALID_ARGUMENT` if the key is not 1 to 128 characters or the intent is not JSON.
 */
export function commitIdIn(
  { calls }: Pick<Engine, "calls">,
  operation: Operation,
  idempotency: Idempotency | undefined,
  defaultIntent: () => unknown,
): CommitId | undefined {
  if (idempotency !== undefined) return commitIdOf(operation, idempotency, defaultIntent());
  const once = calls.get()?.once;
  if (once === undefined) return undefined;
  const { kind, id = null, name } = operation;
  const named = JSON.stringify([kind, id, name]);
  const asked = jsonText(defaultIntent(), "the intent", maxIntentBytes);
  const inCall = [named, once.id, once.ordinal(named), ...(once.round === "" ? [] : [once.round])];
  return {
    id: digestOf(JSON.stringify(inCall)),
    digest: digestOf(JSON.stringify(name) + canonicalJson(asked)),
    origin: "caller",
  };
}

function commitIdOf(operation: Operation, idempotency: Idempotency, defaultIntent: unknown): CommitId {
  checkIdempotency("idempotency", idempotency);
  const { key, intent } = idempotency;
  if (typeof key !== "string" || !isOfLength(key, 128)) {
    throw invalid("an idempotency key has 1 to 128 characters");
  }
  const asked = jsonText(intent === undefined ? defaultIntent : intent, "the intent", maxIntentBytes);
  return {
    id: digestOf(JSON.stringify([operation.kind, operation.id ?? null, operation.name, key])),
    digest: digestOf(JSON.stringify(operation.name) + canonicalJson(asked)),
    origin: "caller",
  };
}

/** Throws `COMMIT_ID_REUSED` if the remembered outcome belongs to another intent. */
export function checkSameIntent(commitId: CommitId, outcome: CommitOutcome): void {
  if (outcome.digest !== commitId.digest) throw reusedCommitId();
}

function digestOf(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("base64url");
}
