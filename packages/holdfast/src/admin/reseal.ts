/** Brings what a store holds under the key that seals now, while servers run. */
import { isHoldfastError } from "../record/errors.ts";
import type { Owner, RecordKey, StoredRecord } from "../record/record.ts";
import { parseEnvelope } from "../security/sealing/envelope.ts";
import type { SealingKeys } from "../security/sealing/keys.ts";
import { Sealer } from "../security/sealing/sealer.ts";
import { type AnyKind, definitionOf } from "../state/kind.ts";
import { keyIdsOf, openDocumentText, sealDocumentText } from "../state/sealing/document-text.ts";
import { type Sealed, sealingPolicy } from "../state/sealing/policy.ts";
import type { Store } from "../store/contract.ts";
import { everyRecord } from "./walk.ts";

/** The new ring and what it is for: the same kinds, and `everything`, as the servers have. */
export type ResealOptions = {
  readonly keys: SealingKeys;
  /** The kinds that say `sealed`. */
  readonly kinds: readonly AnyKind[];
  /** As in `holdfast({ sealing })`. */
  readonly everything?: boolean;
  readonly signal?: AbortSignal;
  /** Called after each record that is to be sealed. */
  readonly onProgress?: (report: ResealReport) => void;
};

/** What `resealStore()` found and did. */
export type ResealReport = {
  /** Records looked at that are to be sealed. */
  readonly records: number;
  /** Documents that were sealed anew, or for the first time. */
  readonly resealed: number;
  /** Documents that did not open: their key is gone, or they were altered. They stay as they are. */
  readonly broken: number;
  /**
   * What is left under other keys, by their ids, `""` for what is not sealed: events, which are never written again, and
   * documents of records that have ended, and of calls under way, locks and grants, which stay until they end. A key without
   * any may go.
   */
  readonly left: ReadonlyMap<string, number>;
};

/**
 * Stand at their version, so that writing them anew would end what they stand for: calls under way, which are over within a
 * day; locks, whose version is their token; grants, whose receivers know them by it.
 */
const boundToVersion: ReadonlySet<string> = new Set(["holdfast.call", "lock", "grant"]);
const eventsPerPage = 1_000;

/**
 * Seals documents that are under another key, or under none, with the current one. Each becomes a new version, written over
 * the one that was read, so that nothing that others write is lost; what they wrote meanwhile is sealed already.
 *
 * @example
 * import { sealingKeysFromFile } from "holdfast";
 *
 * const store = await openStore("sqlite:./state.db");
 * const { left } = await resealStore(store, { keys: await sealingKeysFromFile("seal.json"), kinds: [Basket] });
 */
export async function resealStore(store: Store, options: ResealOptions): Promise<ResealReport> {
  const { keys, kinds, everything = false, signal, onProgress } = options;
  const policy = sealingPolicy(kinds.map(definitionOf), { everything, hasKeys: true });
  const sealer = new Sealer({ keys, acceptUnsealed: true, onAlarm: () => undefined });
  const current = await sealer.currentKeyId();
  const count = { records: 0, resealed: 0, broken: 0, left: new Map<string, number>() };
  const leave = (keyId: string | undefined): void => {
    if (keyId !== current) count.left.set(keyId ?? "", (count.left.get(keyId ?? "") ?? 0) + 1);
  };
  for await (const { owner, kind, id } of everyRecord(store, { signal })) {
    const sealing = policy(kind);
    if (sealing === undefined) continue;
    const { document: sealed, events } = sealing;
    count.records += 1;
    if (sealed !== undefined) {
      const outcome = await resealDocument({ store, sealer, owner, sealed, current, signal }, { kind, id });
      if (outcome === "resealed" || outcome === "broken") count[outcome] += 1;
      if (outcome === "left") await leftInDocument(store, owner, { kind, id }, sealed, leave);
    }
    if (events) await leftInEvents(store, owner, { kind, id }, leave, signal);
    onProgress?.({ ...count });
  }
  return count;
}

type At = {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly owner: Owner;
  readonly sealed: Sealed;
  readonly current: string;
  readonly signal: AbortSignal | undefined;
};

async function resealDocument(at: At, key: RecordKey): Promise<"resealed" | "broken" | "fine" | "left"> {
  const { store, owner, sealed, current, signal } = at;
  const { record } = await store.read(owner, key, { signal });
  if (record === undefined || boundToVersion.has(key.kind)) return "left";
  if (keyIdsOf(record.document, sealed).every((id) => id === current)) return "fine";
  const text = await resealedText(at, record);
  if (text === undefined) return "broken";
  const committed = await store.commit(owner, [{ ...key, expect: record.version, document: { text } }], { signal });
  // Refused: somebody else wrote it just now, and sealed it.
  return committed.ok ? "resealed" : "fine";
}

async function resealedText({ sealer, owner, sealed }: At, record: StoredRecord): Promise<string | undefined> {
  const { kind, id, incarnation, version } = record;
  try {
    const text = await openDocumentText(sealer, owner, record, record.document, sealed);
    const place = { kind, id, incarnation, version: version + 1 };
    return await sealDocumentText(sealer, owner, place, text, sealed);
  } catch (error) {
    if (isHoldfastError(error, "SEAL_BROKEN") || isHoldfastError(error, "SEAL_KEY_MISSING")) return undefined;
    throw error;
  }
}

async function leftInDocument(
  store: Store,
  owner: Owner,
  key: RecordKey,
  sealed: Sealed,
  leave: (keyId: string | undefined) => void,
): Promise<void> {
  const record = await store.admin.inspect(owner, key);
  // What ended without retention has no content.
  if (record !== undefined && record.document !== "") for (const id of keyIdsOf(record.document, sealed)) leave(id);
}

async function leftInEvents(
  store: Store,
  owner: Owner,
  key: RecordKey,
  leave: (keyId: string | undefined) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const record = await store.admin.inspect(owner, key, { signal });
  for (const stream of record?.streams.keys() ?? []) {
    let after: number | undefined;
    for (;;) {
      const page = await store.events(owner, key, stream, { limit: eventsPerPage, after, signal });
      for (const { data } of page?.events ?? []) leave(parseEnvelope(data.slice(data.indexOf(".") + 1))?.keyId);
      after = page?.events.at(-1)?.position;
      if (page?.more !== true) break;
    }
  }
}
