/**
 * How many streams of one principal each node may have open: a record of the engine's in the principal's own partition,
 * whose document names nodes and their shares. It is written at the version it was read at, so that no two nodes take
 * the same place. What nobody touches for a day was left by nodes that died, and expires.
 */
import type { Change } from "../../record/change.ts";
import type { Owner, RecordKey, Version } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { isObject } from "../is-object.ts";

const key: RecordKey = { kind: "holdfast.streams", id: "shares" };
export const shareIdleMs: number = 24 * 60 * 60 * 1_000;

export type Shares = ReadonlyMap<string, number>;

/** What the record said, and at which version; no version where there is none. */
export type Standing = { readonly version: Version | undefined; readonly shares: Shares };

export async function readShares(store: Pick<Store, "read">, owner: Owner, signal: AbortSignal): Promise<Standing> {
  const { record } = await store.read(owner, key, { signal });
  if (record === undefined) return { version: undefined, shares: new Map() };
  return { version: record.version, shares: sharesIn(JSON.parse(record.document)) };
}

/** What stands now; undefined where somebody else wrote meanwhile. */
export async function writeShares(
  store: Pick<Store, "commit">,
  owner: Owner,
  { version }: Standing,
  shares: Shares,
  signal: AbortSignal,
): Promise<Standing | undefined> {
  const text = JSON.stringify({ nodes: Object.fromEntries(shares) });
  const change: Change =
    version === undefined
      ? { ...key, expect: "absent", create: { text, lifetime: { idleMs: shareIdleMs } } }
      : { ...key, expect: version, document: { text }, slide: true };
  const committed = await store.commit(owner, [change], { signal });
  if (!committed.ok) return undefined;
  return { version: committed.results[0]?.version, shares };
}

function sharesIn(document: unknown): Shares {
  const nodes: unknown = isObject(document) ? document["nodes"] : undefined;
  const entries = isObject(nodes) ? Object.entries(nodes) : [];
  return new Map(entries.flatMap(([node, count]) => (typeof count === "number" ? [[node, count] as const] : [])));
}
