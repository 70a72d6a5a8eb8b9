/**
 * What a move writes down in its destination, so that one that was killed is taken up again where it was: a record of its
 * own, in a partition no principal has. It goes when the move is verified.
 *
 *     (nothing) ── begin ──> copying ──> copied ── verified ──> (nothing)
 *                               ^           └── something differed ──┐
 *                               └────────── run again <──────────────┘
 */
import { createHash, randomUUID } from "node:crypto";

import { HoldfastError } from "../record/errors.ts";
import { ownerOf } from "../record/ids.ts";
import type { Owner, RecordKey, Version } from "../record/record.ts";
import { engineIssuer } from "../security/principal.ts";
import type { CallOptions, Store } from "../store/contract.ts";

/** Records that say what goes on in a store rather than what it holds: they stay where they are. */
export const placeBoundKinds: ReadonlySet<string> = new Set([
  "holdfast.node",
  "holdfast.move",
  "holdfast.rate",
  "holdfast.reaper",
  "holdfast.streams",
]);

/** A partition that no principal has. */
export const claimOwner: Owner = ownerOf({ issuer: engineIssuer, subject: "move" });
const key: RecordKey = { kind: "holdfast.move", id: "move" };

export type Claimed = {
  /** Tells this attempt to move from all others. */
  readonly attempt: string;
  /** Digest of what the source is called. */
  readonly source: string;
  readonly startedAt: number;
  /** Owners up to here are copied; a cursor of the source. */
  readonly after?: string | undefined;
  /** How much that was. */
  readonly owners: number;
  readonly records: number;
  /** How many records were passed over, which stay where they are. Absent in what earlier releases wrote. */
  readonly staying?: number | undefined;
  readonly phase: "copying" | "copied";
};

/** The right to write into a destination, as long as nobody else took it. */
export class Claim {
  readonly #store: Store;
  #version: Version;
  #said: Claimed;

  private constructor(store: Store, version: Version, said: Claimed) {
    this.#store = store;
    this.#version = version;
    this.#said = said;
  }

  get said(): Claimed {
    return this.#said;
  }

  /** What an earlier attempt left, if it did. */
  static async find(store: Store, options: CallOptions = {}): Promise<Claimed | undefined> {
    const { record } = await store.read(claimOwner, key, options);
    return record && read(record.document);
  }

  /** Takes the destination, in place of what an earlier attempt said. */
  static async take(store: Store, said: Omit<Claimed, "attempt">): Promise<Claim> {
    const claimed = { ...said, attempt: randomUUID() };
    const text = JSON.stringify(claimed);
    const change = { ...key, expect: "any", create: { text, lifetime: {} }, document: { text } } as const;
    const answer = await store.commit(claimOwner, [change]);
    const version = answer.ok ? answer.results[0]?.version : undefined;
    if (version === undefined) throw taken();
    return new Claim(store, version, claimed);
  }

  /** Throws `CONFLICT` if another attempt has taken the destination meanwhile. */
  async note(change: Partial<Omit<Claimed, "attempt" | "source" | "startedAt">>): Promise<void> {
    const said = { ...this.#said, ...change };
    const document = { text: JSON.stringify(said) };
    const answer = await this.#store.commit(claimOwner, [{ ...key, expect: this.#version, document }]);
    if (!answer.ok) throw taken();
    this.#version += 1;
    this.#said = said;
  }

  async release(): Promise<void> {
    await this.#store.commit(claimOwner, [{ ...key, expect: this.#version, end: true }]);
  }
}

export function digestOfName(source: string): string {
  return createHash("sha256").update(source, "utf8").digest("base64url");
}

function read(document: string): Claimed {
  const value: unknown = JSON.parse(document);
  if (typeof value === "object" && value !== null && "attempt" in value && "source" in value) {
    // Written by this file only, and checked for what tells it from anything else.
    return value as Claimed;
  }
  throw new HoldfastError("STORE_CORRUPT", "the note of an unfinished move in the destination cannot be read");
}

function taken(): HoldfastError {
  return new HoldfastError("CONFLICT", "another move writes into the same destination; let one of them finish");
}
