/** The second half of a grant: what leads its receiver to the record. */
import type { Refusal } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Lifetime, Owner, RecordKey, Version } from "../../record/record.ts";
import type { Engine } from "../engine.ts";
import { refusalError } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import { type GivingMemo, memoChange } from "./giving-memo.ts";
import { type Granted, givenEnd, keyOfGiven, maxShares, pointerCreation, pointerEnd } from "./records.ts";
import { recountShares } from "./recount.ts";
import type { Access } from "./types.ts";

/** Who is to have what. */
export type Asked = {
  readonly key: RecordKey;
  readonly receiver: Owner;
  readonly issuer: string;
  readonly subject: string;
  readonly access: Access;
  readonly lifetime: Lifetime;
  readonly signal: AbortSignal | undefined;
};

/** The giver's half, made now or by an earlier run of the call. */
export type Given = {
  readonly grant: string;
  readonly at: number;
  readonly token: Version;
  readonly expiresAt: number | undefined;
  /** Of the record that is shared. */
  readonly incarnation: Version;
  /** Where the call it is made in counts once. */
  readonly memo: GivingMemo | undefined;
};

/**
 * Makes it, unless an earlier run has. What cannot be used is taken back, and why it cannot is thrown. False where another run
 * of the call has decided meanwhile what becomes of the grant.
 */
export async function lead(scope: Scope, asked: Asked, given: Given): Promise<boolean> {
  let refused: HoldfastError | undefined;
  try {
    refused = await makePointer(scope, asked, given);
    if (refused?.code === "FORBIDDEN") {
      await recountShares(scope.engine, asked.receiver, { signal: asked.signal });
      refused = await makePointer(scope, asked, given);
    }
  } catch (error) {
    // Where the call counts once, its repeat goes on from here, and another run of it may have made this half.
    if (given.memo === undefined) await takeBack(scope, given);
    throw error;
  }
  if (refused === undefined) return await settle(scope, asked, given);
  if (await takeBack(scope, given)) throw refused;
  return false;
}

/** Why it cannot be made, if it cannot. Whatever the receiver has besides is nothing the giver may learn of, so no quota is asked. */
async function makePointer(
  { engine, owner }: Scope,
  { key, receiver, access, lifetime, signal }: Asked,
  { grant, token, incarnation }: Given,
): Promise<HoldfastError | undefined> {
  const granted: Granted = { kind: key.kind, id: key.id, incarnation, access };
  const committed = await engine.commit(receiver, pointerCreation(grant, { ...granted, owner, token }, lifetime), {
    signal,
  });
  if (committed.ok) return undefined;
  const { refusal } = committed;
  // A grant's id is never made twice: what is there was made by another run of the call.
  if (refusal.reason === "version" && refusal.index === 0) return undefined;
  return refusal.reason === "bounds" ? tooMany() : refusalError(refusal);
}

/** Ends the giver's half. False where another run of the call has decided otherwise, or has done this already. */
async function takeBack({ engine, owner }: Scope, { grant, memo }: Given): Promise<boolean> {
  const stage = "taken back";
  const remembered = memo === undefined ? [] : [memoChange(memo.commitId, { ...memo, stage }, memo.version)];
  try {
    const committed = await engine.commit(owner, [...remembered, ...givenEnd(grant)], {});
    return committed.ok || memo === undefined || !isOvertaken(committed.refusal);
  } catch {
    // It is found among those that were given.
    return true;
  }
}

/** Makes sure that what now leads to the grant leads somewhere. */
async function settle({ engine, owner }: Scope, { receiver, signal }: Asked, { grant, memo }: Given): Promise<boolean> {
  if (memo === undefined) {
    await endIfGone(engine, owner, receiver, grant);
    return true;
  }
  const stands = { ...keyOfGiven(grant), expect: "present", slide: true } as const;
  const led = memoChange(memo.commitId, { ...memo, stage: "led" }, memo.version);
  const committed = await engine.commit(owner, [led, stands], { signal });
  if (committed.ok) return true;
  await endIfGone(engine, owner, receiver, grant);
  // Else it was revoked, which is no reason to give anew.
  return !isOvertaken(committed.refusal);
}

/** Who revokes or takes back a grant between its halves finds nothing at the receiver yet. */
async function endIfGone(engine: Engine, owner: Owner, receiver: Owner, grant: string): Promise<void> {
  try {
    const { record } = await engine.read(owner, keyOfGiven(grant), {});
    if (record === undefined) await engine.commit(receiver, pointerEnd(grant), {});
  } catch (error) {
    // What is left is a pointer to nothing, which goes when it is met.
    engine.onError(error);
  }
}

/** The memo is the first change of these commits. */
function isOvertaken(refusal: Refusal): boolean {
  return refusal.reason === "version" && refusal.index === 0;
}

function tooMany(): HoldfastError {
  return new HoldfastError(
    "FORBIDDEN",
    `this principal was given ${maxShares} grants already, the most anybody may have`,
  );
}
