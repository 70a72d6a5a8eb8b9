import { randomUUID } from "node:crypto";

import type { Owner } from "../../record/record.ts";
import { jitteredMs, pause } from "../backoff.ts";
import type { Engine } from "../engine.ts";
import { contention, refusalError } from "../refusals.ts";
import {
  confirmationKey,
  hashOf,
  maxPending,
  mintRequestSecret,
  type RequestDocument,
  requestKey,
  requestMs,
  requestOf,
} from "./records.ts";

export type Wanted = {
  readonly owner: Owner;
  readonly seat: string;
  readonly purpose: string;
  readonly client: string | undefined;
  readonly lastsMs: number;
};

export type Asked = {
  /** What the URL carries. */
  readonly request: string;
  /** What the protocol calls the question. */
  readonly elicitation: string;
};

const maxTries = 24;
export const pauses = { baseMs: 2, capMs: 100 };

/** Writes down that a confirmation was asked for, beside what was asked for before; the oldest of too many goes. */
export async function ask(engine: Engine, wanted: Wanted, signal: AbortSignal | undefined): Promise<Asked> {
  const { owner, seat, purpose, client, lastsMs } = wanted;
  const key = requestKey(seat, purpose);
  const secret = mintRequestSecret();
  const elicitation = randomUUID();
  const lifetime = { absoluteMs: requestMs };
  for (let tries = 1; ; tries++) {
    const { record, at } = await engine.read(owner, key, { signal });
    const before = record === undefined ? [] : requestOf(record, at).pending;
    const pending = [...before, { hash: hashOf(secret), askedAt: at, elicitation }].slice(-maxPending);
    const text = JSON.stringify({ purpose, seat, client: client ?? null, lastsMs, pending } satisfies RequestDocument);
    const change =
      record === undefined
        ? ({ ...key, expect: "absent", create: { text, lifetime } } as const)
        : ({ ...key, expect: record.version, document: { text }, lifetime } as const);
    const committed = await engine.commit(owner, [change], { quota: engine.growthQuota, signal });
    if (committed.ok) return { request: `${key.id}.${secret}`, elicitation };
    if (committed.refusal.reason !== "version") throw refusalError(committed.refusal);
    if (tries >= maxTries) throw contention("a confirmation is asked for again and again", { tries });
    await pause(jitteredMs(tries - 1, pauses, Math.random), signal);
  }
}

/** What wakes those who wait for a confirmation. */
export function topicOf(seat: string, purpose: string): string {
  return `holdfast.step-up.${confirmationKey(seat, purpose).id}`;
}
