import { createHash } from "node:crypto";

import { commitIdWindowMs } from "../../record/commit-ids.ts";
import type { Lifetime, RecordKey } from "../../record/record.ts";

const callKind = "holdfast.call";
/** What operations of the call were answered, until the call is over. */
export const stepsStream = "steps";
/** An hour longer than commit ids are remembered. */
export const callLifetime: Lifetime = { absoluteMs: commitIdWindowMs.caller + 3_600_000 };

/** The document of a call's record. */
export type CallDocument = {
  /** Digest of what was asked for. Absent where only a step was remembered. */
  readonly intent?: string | undefined;
  /** Present once the call is over. */
  readonly outcome?: { readonly value?: unknown } | undefined;
};

export function callIdOf(name: string, key: string): string {
  return `call_${createHash("sha256")
    .update(JSON.stringify([name, key]), "utf8")
    .digest("base64url")}`;
}

export function callKey(id: string): RecordKey {
  return { kind: callKind, id };
}
