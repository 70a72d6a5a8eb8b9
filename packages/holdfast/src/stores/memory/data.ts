import { freshCursorKey, openCursor, sealCursor } from "../../record/cursor.ts";
import type { decide } from "../../record/decide.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import { CreationOrder } from "./creation-order.ts";
import type { Entry } from "./entry.ts";
import { type Floors, Partition } from "./partition.ts";

export type Scanned = { readonly partition: Partition; readonly entry: Entry };

export type DataOptions = {
  readonly maxBytes: number;
  readonly maxCommitIds: number;
  readonly decide: typeof decide;
};

/** All partitions and what is bounded across them. */
export class Data {
  readonly #options: DataOptions;
  readonly #partitions = new Map<Owner, Partition>();
  /** Floors of owners who have nothing else. */
  readonly #floors = new Map<Owner, Floors>();
  readonly scanOrder: CreationOrder<Scanned> = new CreationOrder();
  readonly #cursorKey = freshCursorKey();
  #bytes = 0;
  #commitIds = 0;
  #sequence = 0;

  constructor(options: DataOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get owners(): number {
    let owners = 0;
    for (const partition of this.#partitions.values()) if (!partition.isEmpty) owners += 1;
    return owners;
  }

  partitions(): Iterable<Partition> {
    return this.#partitions.values();
  }

  /** Owners that anything is known of, be it only a floor, in the order of their names. */
  knownOwners(): readonly Owner[] {
    return [...new Set([...this.#partitions.keys(), ...this.#floors.keys()])].sort();
  }

  /** What is left of an owner whose partition was dropped. */
  floorsOf(owner: Owner): Floors | undefined {
    return this.#partitions.get(owner) ?? this.#floors.get(owner);
  }

  find(owner: Owner): Partition | undefined {
    return this.#partitions.get(owner);
  }

  /** A cursor that goes on from a place, if there is anything to go on to. */
  cursorOf(scope: string, place: number | undefined): { readonly next?: string } {
    return place === undefined ? {} : { next: sealCursor(this.#cursorKey, scope, place) };
  }

  /** Throws `INVALID_ARGUMENT` for text that never was a cursor of this scope. */
  placeOf(scope: string, cursor: string | undefined): number | undefined {
    return cursor === undefined ? undefined : openCursor(this.#cursorKey, scope, cursor);
  }

  /** Most commit ids of callers that one owner may have here, whatever a quota says: ten such owners fill the store. */
  get commitIdsPerOwner(): number {
    return Math.max(1, Math.floor(this.#options.maxCommitIds / 10));
  }

  /** The owner's partition, held from now on only once `keep` was called with it. */
  open(owner: Owner): Partition {
    const standing = this.#partitions.get(owner);
    if (standing !== undefined) return standing;
    const onForget = (): void => {
      this.#commitIds -= 1;
    };
    return new Partition(owner, this.#floors.get(owner) ?? { floor: 0, importFloor: 0 }, {
      decide: this.#options.decide,
      onForget,
    });
  }

  keep(partition: Partition): void {
    this.#partitions.set(partition.owner, partition);
    this.#floors.delete(partition.owner);
  }

  /** Forgets a partition with nothing left in it but a floor. */
  dropIfEmpty(partition: Partition): void {
    if (!partition.isEmpty || this.#partitions.get(partition.owner) !== partition) return;
    this.#partitions.delete(partition.owner);
    const { floor, importFloor } = partition;
    if (floor > 0) this.#floors.set(partition.owner, { floor, importFloor });
  }

  /** Throws `STORE_FULL` if this much more would not fit. Call before anything is written. */
  reserve(bytes: number, commitIds: number, now: number): void {
    const { maxBytes, maxCommitIds } = this.#options;
    if (bytes > 0 && this.#bytes + bytes > maxBytes) {
      throw new HoldfastError(
        "STORE_FULL",
        `the memory store holds ${this.#bytes} of at most ${maxBytes} bytes, and ${bytes} more do not fit (maxBytes)`,
      );
    }
    if (commitIds === 0 || this.#commitIds + commitIds <= maxCommitIds) return;
    // Owners who are not heard of any more may hold ids whose time is over.
    for (const partition of this.#partitions.values()) partition.commitIds.forgetOld(now);
    if (this.#commitIds + commitIds <= maxCommitIds) return;
    throw new HoldfastError(
      "STORE_FULL",
      `the memory store remembers ${this.#commitIds} commit ids, the most it may (maxCommitIds)`,
    );
  }

  remembered(count = 1): void {
    this.#commitIds += count;
  }

  /** Lets `write` change a record, and keeps order and counts true to what it did. */
  change(partition: Partition, entry: Entry, created: boolean, now: number, write: () => void): void {
    const before = entry.scanned === undefined ? 0 : entry.bytes;
    write();
    if (entry.scanned === undefined) {
      partition.add(entry);
      entry.scanned = this.scanOrder.add(this.#nextSequence(), { partition, entry });
    }
    if (created || entry.listed === undefined) partition.listLast(entry, this.#nextSequence());
    partition.changed(entry, before, now);
    this.#bytes += entry.bytes - before;
  }

  remove(partition: Partition, entry: Entry): void {
    this.#bytes -= entry.bytes;
    partition.remove(entry);
    if (entry.scanned !== undefined) this.scanOrder.remove(entry.scanned);
  }

  clear(): void {
    this.#partitions.clear();
    this.#floors.clear();
  }

  #nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
