import { HoldfastError } from "../../record/errors.ts";
import type { Owner, Version } from "../../record/record.ts";
import type { decide } from "../../record/decide.ts";
import { CreationOrder } from "./creation-order.ts";
import type { Entry } from "./entry.ts";
import { Partition } from "./partition.ts";

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
  readonly #floors = new Map<Owner, Version>();
  readonly scanOrder: CreationOrder<Scanned> = new CreationOrder();
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

  find(owner: Owner): Partition | undefined {
    return this.#partitions.get(owner);
  }

  /** The owner's partition, held from now on only once `keep` was called with it. */
  open(owner: Owner): Partition {
    const standing = this.#partitions.get(owner);
    if (standing !== undefined) return standing;
    const onForget = (): void => {
      this.#commitIds -= 1;
    };
    return new Partition(owner, this.#floors.get(owner) ?? 0, { decide: this.#options.decide, onForget });
  }

  keep(partition: Partition): void {
    this.#partitions.set(partition.owner, partition);
    this.#floors.delete(partition.owner);
  }

  /** Forgets a partition with nothing left in it but a floor. */
  dropIfEmpty(partition: Partition): void {
    if (!partition.isEmpty || this.#partitions.get(partition.owner) !== partition) return;
    this.#partitions.delete(partition.owner);
    if (partition.floor > 0) this.#floors.set(partition.owner, partition.floor);
  }

  /** Throws `STORE_FULL` if this much more would not fit. Call before anything is written. */
  reserve(bytes: number, commitIds: number): void {
    if (bytes > 0 && this.#bytes + bytes > this.#options.maxBytes) {
      throw new HoldfastError("STORE_FULL", `the memory store holds ${this.#bytes} bytes and at most ${this.#options.maxBytes} (maxBytes)`);
    }
    if (commitIds > 0 && this.#commitIds + commitIds > this.#options.maxCommitIds) {
      throw new HoldfastError("STORE_FULL", `the memory store remembers ${this.#commitIds} commit ids already (maxCommitIds)`);
    }
  }

  remembered(): void {
    this.#commitIds += 1;
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
