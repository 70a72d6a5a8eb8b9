/**
 * Digests of content: equal where two stores hold the same, whatever the stores are and in whatever order they answer.
 * Everything of a record counts, its times and the order of its events included.
 */
import { createHash } from "node:crypto";

import { endOf } from "../record/expiry.ts";
import type { Owner } from "../record/record.ts";
import type { RecordDump } from "../store/contract.ts";

const modulus = 1n << 256n;

/** A record's digest: SHA-256 over one canonical text of it, as hexadecimal digits. */
export function digestOfRecord(owner: Owner, { record, events }: RecordDump): string {
  const { lifetime } = record;
  const hash = createHash("sha256");
  const head = [
    owner,
    record.kind,
    record.id,
    record.version,
    record.incarnation,
    record.createdAt,
    record.updatedAt,
    record.touchedAt,
    [lifetime.idleMs ?? null, lifetime.absoluteMs ?? null, lifetime.retainMs ?? null],
    record.deadlineAt ?? null,
    record.expiresAt ?? null,
    // Whether a sweep has noticed that it expired is nothing of its content.
    endOf(record) ?? null,
    record.documentPosition,
    sorted(Object.entries(record.fields)),
    sorted(record.counters),
    record.document,
  ];
  hash.update(JSON.stringify(head), "utf8");
  for (const [name, { head: last, first }] of sorted(record.streams)) {
    hash.update(`\n${JSON.stringify([name, last, first])}`, "utf8");
    const list = Object.hasOwn(events, name) ? (events[name] ?? []) : [];
    for (const { position, at, data } of list) hash.update(`\n${JSON.stringify([position, at, data])}`, "utf8");
  }
  return hash.digest("hex");
}

/**
 * The digest of many records: the sum of theirs, so that their order does not matter.
 *
 * @example
 * const digest = new StoreDigest();
 * for await (const { owner, kind, id } of everyRecord(store)) {
 *   const dump = await store.admin.export(owner, { kind, id });
 *   if (dump !== undefined) digest.add(digestOfRecord(owner, dump));
 * }
 * console.log(`${digest.records} records, ${digest.toString()}`);
 */
export class StoreDigest {
  #sum = 0n;
  #records = 0;

  add(digest: string): void {
    this.#sum = (this.#sum + BigInt(`0x${digest}`)) % modulus;
    this.#records += 1;
  }

  get records(): number {
    return this.#records;
  }

  toString(): string {
    return `sha256:${this.#sum.toString(16).padStart(64, "0")}`;
  }
}

function sorted<T>(entries: Iterable<readonly [string, T]>): readonly (readonly [string, T])[] {
  return [...entries].sort(([one], [other]) => (one < other ? -1 : 1));
}
