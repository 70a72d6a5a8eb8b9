import type { Change } from "../record/change.ts";
import { slideIsDue } from "../record/decide.ts";
import { isRecordId } from "../record/ids.ts";
import type { Owner, RecordKey, RecordSummary } from "../record/record.ts";
import type { CommitOptions, Committed, ReadAnswer } from "../store/contract.ts";
import { type Applied, firstResult } from "./applied.ts";
import type { KindDefinition } from "./definition.ts";
import type { Engine } from "./engine.ts";
import { notFound, refusalError } from "./refusals.ts";

/** The record that lives and ends with a given one, if there is such a record. */
export type CompanionOf = (record: RecordSummary) => RecordKey | undefined;

/** Who uses a record of another owner. */
export type Guest = { readonly grant: string; readonly access: "read" | "write" };

/** The records of one kind of one owner, and how they are addressed, read, slid and committed. */
export class Scope {
  readonly engine: Engine;
  readonly owner: Owner;
  readonly kind: KindDefinition;
  /** The grant by which somebody else's record is used, where that is so. */
  readonly guest: Guest | undefined;
  /** What the next record made here is called, where that had to be known before. */
  readonly mintAs: string | undefined;
  readonly #companionOf: CompanionOf | undefined;

  constructor(
    engine: Engine,
    owner: Owner,
    kind: KindDefinition,
    {
      companionOf,
      guest,
      mintAs,
    }: {
      readonly companionOf?: CompanionOf;
      readonly guest?: Guest;
      readonly mintAs?: string | undefined;
    } = {},
  ) {
    this.engine = engine;
    this.owner = owner;
    this.kind = kind;
    this.guest = guest;
    this.mintAs = mintAs;
    this.#companionOf = companionOf;
  }

  /** The address of a handle. Throws `NOT_FOUND` for one that no record could have, without looking. */
  keyOf(id: string): RecordKey {
    // The prefix is not looked at: it may have changed since the handle was given out.
    if (typeof id !== "string" || !isRecordId(id)) throw notFound();
    return { kind: this.kind.name, id };
  }

  /** As `keyOf`, but nothing where no record could have the handle. */
  keyIfWellFormed(id: string): RecordKey | undefined {
    return typeof id === "string" && isRecordId(id) ? { kind: this.kind.name, id } : undefined;
  }

  /** The name of a record among all in this process: for queues, never for logs. */
  addressOf(key: RecordKey): string {
    return addressOf(this.owner, key);
  }

  /** Whether any record of this scope could have one that lives and ends with it. */
  get mayHaveCompanions(): boolean {
    return this.#companionOf !== undefined;
  }

  /** What a change of this record slides or ends besides itself. */
  companion(record: RecordSummary): RecordKey | undefined {
    return this.#companionOf?.(record);
  }

  /**
   * Commits a change of a record whose summary is known. Its companion slides along when a slide is due. A companion
   * that is gone by now does not hold the change up.
   */
  commitSliding(
    record: RecordSummary | undefined,
    at: number,
    change: Change,
    options: CommitOptions,
    also: readonly Change[] = [],
  ): Promise<Committed> {
    const companion = record !== undefined && slideIsDue(record, at) ? this.companion(record) : undefined;
    if (companion === undefined) return this.engine.commit(this.owner, [change, ...also], options);
    return this.#commitBoth(change, companion, options, also);
  }

  async #commitBoth(
    change: Change,
    companion: RecordKey,
    options: CommitOptions,
    also: readonly Change[],
  ): Promise<Committed> {
    const both = [change, { ...companion, expect: "present", slide: true } as const, ...also];
    const committed = await this.engine.commit(this.owner, both, options);
    return lacksCompanion(committed) ? await this.engine.commit(this.owner, [change, ...also], options) : committed;
  }

  /**
   * Slides the expiry of a record that was just read, if that is due, and says when it expires.
   * A slide that fails never fails the read it belongs to.
   */
  async slideAfterRead(
    record: RecordSummary,
    at: number,
    signal: AbortSignal | undefined,
  ): Promise<number | undefined> {
    if (!slideIsDue(record, at)) return record.expiresAt;
    const address = this.addressOf(record);
    const { sliding, counts } = this.engine;
    if (sliding.has(address)) return record.expiresAt;
    sliding.add(address);
    try {
      const change: Change = { kind: record.kind, id: record.id, expect: "present", slide: true };
      const committed = await this.commitSliding(record, at, change, { signal });
      return committed.ok ? firstResult(committed).expiresAt : record.expiresAt;
    } catch {
      counts.slideFailures += 1;
      return record.expiresAt;
    } finally {
      sliding.delete(address);
    }
  }

  /**
   * After a change that was made without reading: its answer says when the record expires now, and where that is news,
   * the companion has to follow. Which sessions have one, and how long they live, is found out by looking, unless a
   * companion was read before that lives long enough: expiries only move on, so it does so still.
   */
  async followSlide(key: RecordKey, committed: Applied, signal: AbortSignal | undefined): Promise<void> {
    const { expiresAt } = firstResult(committed);
    if (this.#companionOf === undefined || expiresAt === undefined) return;
    const { engine, owner } = this;
    const address = this.addressOf(key);
    if (engine.expiries.get(address) === expiresAt) return;
    engine.expiries.set(address, expiresAt);
    const lives = engine.companionLives.get(address);
    if (lives !== undefined && !slideIsDue(lives, committed.at)) return;
    try {
      const { record } = await engine.read(owner, key, { signal });
      const companion = record === undefined ? undefined : this.companion(record);
      if (companion === undefined) return;
      const { record: other, at } = await engine.read(owner, companion, { signal });
      if (other === undefined || !slideIsDue(other, at)) return;
      await engine.commit(owner, [{ ...companion, expect: "present", slide: true }], { signal });
    } catch {
      // The change itself is made; the companion catches up with the next slide.
      engine.counts.slideFailures += 1;
    }
  }

  /** Ends a record, and its companion in the same commit. False if there is none to end. */
  async end(key: RecordKey, expect: number | "present", options: CommitOptions): Promise<boolean> {
    const standing = await this.#standingOf(key, options);
    // What is made only now would be ended without its companion: it comes too late for whoever ended this.
    if (standing !== undefined && standing.record === undefined && standing.outcome === undefined) return false;
    const session = standing?.record;
    const companion = session === undefined ? undefined : this.companion(session);
    const alone: readonly Change[] = [{ ...key, expect, end: true }];
    const both: readonly Change[] =
      companion === undefined ? alone : [...alone, { ...companion, expect: "present", end: true }];
    let committed = await this.engine.commit(this.owner, both, options);
    if (lacksCompanion(committed)) committed = await this.engine.commit(this.owner, alone, options);
    if (!committed.ok) {
      if (committed.refusal.reason === "version" && committed.refusal.actual === undefined) return false;
      throw refusalError(committed.refusal);
    }
    if (session !== undefined) {
      const livedMs = committed.at - session.createdAt;
      this.engine.telemetry.metrics?.record("mcp.server.session.duration", Math.max(0, livedMs) / 1_000);
    }
    for (const ended of companion === undefined ? [key] : [key, companion]) {
      this.engine.ended.announce(this.owner, ended, "ended", this.#companionOf !== undefined);
    }
    return true;
  }

  /** The record, and what came of ending it where this repeats that. Undefined where no record of this scope has a companion. */
  async #standingOf(key: RecordKey, { commitId, signal }: CommitOptions): Promise<ReadAnswer | undefined> {
    if (this.#companionOf === undefined) return undefined;
    return await this.engine.read(this.owner, key, { commitId: commitId?.id, signal });
  }
}

/** The name of a record among all in this process: for queues and caches, never for logs. */
export function addressOf(owner: Owner, { kind, id }: RecordKey): string {
  return `${owner}/${kind}/${id}`;
}

/** Whether a commit of a record and its companion failed only because the companion is gone. */
function lacksCompanion(committed: Committed): boolean {
  return !committed.ok && committed.refusal.reason === "version" && committed.refusal.index === 1;
}
