/**
 * Leases and fences, by search. At the store a lease is a record whose version is the token: taking it is a conditional
 * change, and a fenced commit holds only while the token stands. A lock on top of it has one holder at a time.
 */
import type { Fault } from "../history.ts";
import type { Subject } from "../steps.ts";
import { linearize, type Model, type Timed } from "./linearize.ts";

export type TokenOperation =
  /** Somebody was told that this version stands: a reader, one refused, or one whose fence held. */
  | { readonly what: "stands"; readonly version: number | undefined }
  /** The version becomes one more; `from` where it depended on the one before. */
  | { readonly what: "taken"; readonly from: number | undefined; readonly to: number | undefined };

/** The version of a lease, or 0 where there is none. */
const tokenModel: Model<number, TokenOperation> = {
  initial: 0,
  step: (version, operation) => {
    if (operation.what === "stands") return (operation.version ?? 0) === version ? version : undefined;
    const { from = version, to = version + 1 } = operation;
    return from === version && to === version + 1 ? to : undefined;
  },
  key: String,
};

/** For records that are never ended: whatever was told of their versions has an order that explains it. */
export function checkLease({ owner, key, steps, sights }: Subject): readonly Fault[] {
  const history: Timed<TokenOperation>[] = [];
  for (const { name, begunAt, endedAt, result, intent } of steps) {
    const from = typeof intent.expect === "number" ? intent.expect : intent.expect === "absent" ? 0 : undefined;
    history.push({ name, begunAt, endedAt, operation: { what: "taken", from, to: result?.version } });
  }
  for (const { name, begunAt, endedAt, version, absent } of sights) {
    if (version === undefined && absent === undefined) continue;
    history.push({ name, begunAt, endedAt, operation: { what: "stands", version } });
  }
  return faultOf(`${owner} ${key}`, linearize(history, tokenModel));
}

export type LockOperation =
  | { readonly what: "acquired"; readonly holder: string; readonly token: number }
  /** Somebody else had it. */
  | { readonly what: "refused" }
  /** By its holder; `stood` where it was still theirs. */
  | { readonly what: "released"; readonly holder: string; readonly token: number; readonly stood: boolean }
  /** A change fenced with the token was applied, or was refused. */
  | { readonly what: "fenced"; readonly token: number; readonly applied: boolean };

type LockState = { readonly token: number; readonly holder: string | undefined };

/** One holder at a time, tokens that only grow, and fences that hold for the newest token alone. For locks that do not expire. */
const lockModel: Model<LockState, LockOperation> = {
  initial: { token: 0, holder: undefined },
  step: (state, operation) => {
    switch (operation.what) {
      case "acquired":
        return state.holder === undefined && operation.token > state.token
          ? { token: operation.token, holder: operation.holder }
          : undefined;
      case "refused":
        return state.holder === undefined ? undefined : state;
      case "released": {
        const theirs = state.holder === operation.holder && state.token === operation.token;
        if (theirs !== operation.stood) return undefined;
        return theirs ? { ...state, holder: undefined } : state;
      }
      case "fenced":
        return (state.token === operation.token && state.holder !== undefined) === operation.applied
          ? state
          : undefined;
    }
  },
  key: ({ token, holder }) => `${token} ${holder ?? ""}`,
};

export function checkLock(name: string, history: readonly Timed<LockOperation>[]): readonly Fault[] {
  return faultOf(name, linearize(history, lockModel));
}

function faultOf(where: string, search: ReturnType<typeof linearize>): readonly Fault[] {
  if (search.ok) return [];
  const message = `${where}: no order of what was answered explains ${search.stuckAt}`;
  return [{ rule: "leases", message, operations: [search.stuckAt] }];
}
