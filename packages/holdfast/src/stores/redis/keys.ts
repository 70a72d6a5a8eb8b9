/** Names of keys; `scripts/` says what lies under them. */
import { createHash } from "node:crypto";

import type { Owner } from "../../record/record.ts";

const bucketCount = 256;
const channelCount = 16;

export class Keys {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The four of an owner: what it has, by creation, by expiry, by when a sweep has to look. */
  ofOwner(owner: Owner): readonly [hash: string, listed: string, expiring: string, due: string] {
    const hash = `${this.#prefix}{${owner}}`;
    return [hash, `${hash}:l`, `${hash}:x`, `${hash}:d`];
  }

  /** The two of a bucket: its owners, and when to look at each. */
  ofBucket(bucket: number): readonly [owners: string, due: string] {
    const tag = `${this.#prefix}{b${bucket.toString(16).padStart(2, "0")}}`;
    return [`${tag}:o`, `${tag}:d`];
  }

  /** What is one for the whole store. */
  get settings(): string {
    return `${this.#prefix}{holdfast}`;
  }

  /** Channels of hints; each lies in a slot of its own. */
  get channels(): readonly string[] {
    return Array.from({ length: channelCount }, (_, index) => `${this.#prefix}{h${index.toString(16)}}`);
  }
}

export function bucketOf(owner: string): number {
  return createHash("sha256").update(owner, "utf8").digest()[0] ?? 0;
}

/** Every bucket once, beginning at one of them. */
export function bucketsFrom(first: number): readonly number[] {
  return Array.from({ length: bucketCount }, (_, index) => (first + index) % bucketCount);
}
