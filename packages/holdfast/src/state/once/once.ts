/**
 * Calls that count once, however often they are repeated, on whatever node.
 *
 *     read the call's record ──done──> its outcome
 *        │ not done
 *     take the call's lease, in turn; look again if somebody was there before
 *        │
 *     run: each operation commits under an id made of the call, together with what it answers
 *        │
 *     store the outcome, unless one is stored already; give the lease back
 *
 * The lease keeps repeats waiting instead of working for nothing. That nothing is applied twice, even where it fails
 * (a paused process, an expired lease), is the doing of the commit ids; that there is one outcome, of the version that
 * the outcome is stored at.
 */

import { createHash } from "node:crypto";
import type { Change } from "../../record/change.ts";
import type { Owner, Version } from "../../record/record.ts";
import { isOfLength } from "../../record/text.ts";
import { Aborts } from "../../store/abort.ts";
import { onceScope } from "../call-context.ts";
import type { Engine } from "../engine.ts";
import { canonicalJson, jsonText, parseStored } from "../json.ts";
import { type Grant, type Leasehold, release, renew } from "../leases/lease.ts";
import { acquireInTurn } from "../leases/line.ts";
import { checkOnce } from "../method-options.ts";
import { contention, invalid, reusedCommitId } from "../refusals.ts";
import { type CallDocument, callIdOf, callKey, callLifetime, stepsStream } from "./record.ts";
import type { OnceCall } from "./types.ts";

const leaseMs = 5_000;
const defaultWaitMs = 60_000;
const maxIntentBytes = 4_194_304;
/** A larger outcome is not stored: a repeat then runs again, and its operations answer what they did. */
const maxOutcomeBytes = 262_144;

export type OnceWork<T> = {
  readonly run: () => Promise<T>;
  /** Whether a value is the call's outcome. What is not is given to the caller and forgotten. Default: all are. */
  readonly isFinal?: (value: T) => boolean;
  /** Which of its rounds a call that asks is in, the same whenever that is repeated: what one does is no repeat of what another did. */
  readonly round?: string;
};

/** Local repeats of a call under way wait for it here. */
export type RunningCall = {
  readonly intent: string;
  /** The outcome as JSON text; undefined if there is none, and a repeat has to run by itself. */
  readonly settled: Promise<string | undefined>;
};
type Outcome = { readonly value?: unknown };

export async function callOnce<T>(engine: Engine, owner: Owner, call: OnceCall, work: OnceWork<T>): Promise<T> {
  const { name, key, signal } = checked(call);
  const intent = digestOf(canonicalJson(jsonText(call.intent ?? null, "the intent", maxIntentBytes)));
  const id = callIdOf(name, key);
  const address = `${owner}/${id}`;
  const { running } = engine;
  for (let under = running.get(address); under !== undefined; under = running.get(address)) {
    if (under.intent !== intent) throw reusedCommitId();
    const { settled } = under;
    const text = await new Aborts().until<string | undefined>(signal, ({ resolve, reject }) => {
      settled.then(resolve, reject);
    });
    if (text !== undefined) return outcomeOf<T>(JSON.parse(text) as Outcome).value;
  }
  const attempt = new Attempt(engine, owner, id, intent, call);
  const result = attempt.run(work);
  const settled = result.then(
    ({ value, isFinal }) => (isFinal ? JSON.stringify({ value } satisfies Outcome) : undefined),
    () => undefined,
  );
  running.set(address, { intent, settled });
  try {
    return (await result).value;
  } finally {
    running.delete(address);
  }
}

type Result<T> = { readonly value: T; readonly isFinal: boolean };

class Attempt {
  readonly #engine: Engine;
  readonly #owner: Owner;
  readonly #id: string;
  readonly #intent: string;
  readonly #signal: AbortSignal | undefined;
  readonly #lease: Leasehold;
  readonly #deadline: number;

  constructor(engine: Engine, owner: Owner, id: string, intent: string, { signal, waitMs = defaultWaitMs }: OnceCall) {
    this.#engine = engine;
    this.#owner = owner;
    this.#id = id;
    this.#intent = intent;
    this.#signal = signal;
    this.#lease = { owner, key: { kind: "holdfast.lease", id }, text: "{}", fields: {} };
    this.#deadline = performance.now() + waitMs;
  }

  async run<T>(work: OnceWork<T>): Promise<Result<T>> {
    const standing = await this.#look();
    if (standing?.outcome !== undefined) return outcomeOf<T>(standing.outcome);
    const grant = await this.#takeLease();
    let released = false;
    try {
      const begun = grant.applied.results[1];
      // Only who has just made the call's record knows without looking that nobody was there before.
      const before = begun?.created === true ? { version: begun.version } : await this.#look();
      if (before?.outcome !== undefined) return outcomeOf<T>(before.outcome);
      const value = await this.#runUnderLease(grant, work);
      if (work.isFinal?.(value) === false) return { value, isFinal: false };
      const text = JSON.stringify({ intent: this.#intent, outcome: { value } } satisfies CallDocument);
      if (before === undefined || text.length * 3 > maxOutcomeBytes) return { value, isFinal: true };
      const first = await this.#store(text, before.version, grant.token);
      released = first === undefined;
      return first === undefined ? { value, isFinal: true } : outcomeOf<T>(first);
    } finally {
      // One that cannot be given back ends by itself.
      if (!released) await release(this.#engine, this.#lease, grant.token).catch(() => undefined);
      else this.#engine.leases.wake(this.#lease.key.id);
    }
  }

  async #takeLease(): Promise<Grant> {
    const text = JSON.stringify({ intent: this.#intent } satisfies CallDocument);
    const begin: Change = {
      ...callKey(this.#id),
      expect: "any",
      create: { text, lifetime: callLifetime },
    };
    const grant = await acquireInTurn(this.#engine, this.#lease, {
      ttlMs: leaseMs,
      waitMs: Math.max(0, Math.ceil(this.#deadline - performance.now())),
      also: [begin],
      signal: this.#signal,
    });
    if (grant !== undefined) return grant;
    throw contention("the same call is under way still", {});
  }

  async #runUnderLease<T>({ token }: Grant, work: OnceWork<T>): Promise<T> {
    const renewal = setInterval(() => {
      // Where it is lost, commit ids still keep everything from happening twice.
      renew(this.#engine, this.#lease, token, leaseMs, undefined).catch(() => undefined);
    }, leaseMs / 3);
    const { calls } = this.#engine;
    try {
      return await calls.run({ ...calls.get(), once: onceScope(this.#id, work.round ?? "") }, work.run);
    } finally {
      clearInterval(renewal);
    }
  }

  /** The call's record as it stands. Throws `COMMIT_ID_REUSED` if it was about something else. */
  async #look(): Promise<(CallDocument & { readonly version: Version }) | undefined> {
    const { record } = await this.#engine.read(this.#owner, callKey(this.#id), { signal: this.#signal });
    if (record === undefined) return undefined;
    // Written below.
    const document = parseStored(record.document, "a call") as CallDocument;
    if (document.intent !== undefined && document.intent !== this.#intent) throw reusedCommitId();
    return { ...document, version: record.version };
  }

  /** Undefined if the outcome is stored and the lease given back; else the outcome that was stored before. */
  async #store(text: string, version: Version, token: Version): Promise<Outcome | undefined> {
    const over: Change = {
      ...callKey(this.#id),
      expect: version,
      document: { text },
      trims: [{ stream: stepsStream, through: Number.MAX_SAFE_INTEGER }],
    };
    const leave: Change = { ...this.#lease.key, expect: token, end: true };
    const quota = this.#engine.growthQuota;
    const commitId = { id: `${this.#id}.over`, digest: this.#intent, origin: "caller" } as const;
    // From here on nobody can take it back: the effects are made, and so must their answer be.
    let committed = await this.#engine.commit(this.#owner, [over, leave], { commitId, quota });
    const lostLease = !committed.ok && committed.refusal.reason === "version" && committed.refusal.index === 1;
    if (lostLease) committed = await this.#engine.commit(this.#owner, [over], { commitId, quota });
    if (committed.ok && !committed.replayed) return undefined;
    const standing = await this.#look();
    if (standing?.outcome !== undefined) return standing.outcome;
    // No room for the outcome, or no record any more: a repeat runs again, and its operations answer what they did.
    await release(this.#engine, this.#lease, token);
    return undefined;
  }
}

function outcomeOf<T>({ value }: Outcome): Result<T> {
  // What `run` of the same call returned, once.
  return { value: value as T, isFinal: true };
}

function checked(call: OnceCall): OnceCall {
  checkOnce("once", call);
  for (const part of ["name", "key"] as const) {
    const text: unknown = call[part];
    if (typeof text !== "string" || !isOfLength(text, 128)) {
      throw invalid(`the ${part} of a call that counts once has 1 to 128 characters`);
    }
  }
  return call;
}

function digestOf(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("base64url");
}
