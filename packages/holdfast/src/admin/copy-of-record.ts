import type { Owner } from "../record/record.ts";
import type { RecordDump, Store } from "../store/contract.ts";

/**
 * Puts a copy of a record into another store that never expires and has not ended: for looking at it, and at what it was,
 * without touching the one that stands.
 *
 * @example
 * const dump = await store.admin.export(owner, { kind: "basket", id });
 * if (dump !== undefined) await putCopy(await memoryStore(), owner, dump);
 */
export async function putCopy(store: Store, owner: Owner, dump: RecordDump): Promise<void> {
  const { endedAt: _ended, expiresAt: _expires, deadlineAt: _deadline, ...rest } = dump.record;
  await store.admin.import(owner, { events: dump.events, record: { ...rest, lifetime: {} } });
}
