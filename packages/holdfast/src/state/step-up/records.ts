/**
 * What is kept of a step-up, in the partition of the principal it concerns. For each seat and purpose there are at most two
 * records:
 *
 * - `holdfast.step-up-request` says what was asked for and not answered yet, by the newest eight. Only hashes of what a URL
 *   carries are in it.
 * - `holdfast.step-up` is the confirmation. It stands as long as the record lives, so the store's clock says when it lapses.
 *
 * A seat is where a confirmation counts: a 2025-era session, or, where there is none, the client of the token.
 */
import { createHash } from "node:crypto";

import { idOfName, mintSecret } from "../../record/ids.ts";
import type { RecordKey, StoredRecord } from "../../record/record.ts";
import { parseStored } from "../json.ts";
import type { Confirmation } from "./types.ts";

export const confirmationKind = "holdfast.step-up";
export const requestKind = "holdfast.step-up-request";

/** How long a request can be answered. */
export const requestMs: number = 10 * 60_000;
export const maxPending = 8;

export type Pending = { readonly hash: string; readonly askedAt: number; readonly elicitation: string };
export type RequestDocument = {
  readonly purpose: string;
  readonly seat: string;
  readonly client: string | null;
  readonly lastsMs: number;
  readonly pending: readonly Pending[];
};
export type ConfirmationDocument = {
  readonly purpose: string;
  readonly seat: string;
  readonly confirmedAt: number;
  /** The elicitation that led to it, which its client may be told is complete. */
  readonly elicitation: string;
};

export function confirmationKey(seat: string, purpose: string): RecordKey {
  return { kind: confirmationKind, id: idOfName("stu", JSON.stringify([seat, purpose])) };
}

export function requestKey(seat: string, purpose: string): RecordKey {
  return { kind: requestKind, id: idOfName("str", JSON.stringify([seat, purpose])) };
}

export function mintRequestSecret(): string {
  return mintSecret(192);
}

export function hashOf(secret: string): string {
  return createHash("sha256").update(secret, "utf8").digest("base64url");
}

/** `ID.SECRET` as a URL carries it. Undefined for everything that no request could be called. */
export function parseRequest(request: unknown): { readonly key: RecordKey; readonly hash: string } | undefined {
  const parts = typeof request === "string" ? /^(str_[A-Za-z0-9_-]{32})\.([A-Za-z0-9_-]{32})$/.exec(request) : null;
  const [, id, secret] = parts ?? [];
  return id === undefined || secret === undefined
    ? undefined
    : { key: { kind: requestKind, id }, hash: hashOf(secret) };
}

/** Of a request record, those that can still be answered, by the store's clock. */
export function requestOf(record: StoredRecord, at: number): RequestDocument {
  // Written by `ask` alone; no caller can write records of this kind.
  const document = parseStored(record.document, "a step-up request") as RequestDocument;
  return { ...document, pending: document.pending.filter(({ askedAt }) => at - askedAt < requestMs) };
}

export function confirmationDocument(record: StoredRecord): ConfirmationDocument {
  // Written by `confirm` alone.
  return parseStored(record.document, "a step-up") as ConfirmationDocument;
}

export function confirmationOf(record: StoredRecord): Confirmation {
  const { purpose, confirmedAt } = confirmationDocument(record);
  // It always has an absolute lifetime.
  return { purpose, confirmedAt: new Date(confirmedAt), lapsesAt: new Date(record.expiresAt ?? confirmedAt) };
}
