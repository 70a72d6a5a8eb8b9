/**
 * A store that keeps what it is given sealed. It lies above whatever store there is, so all of them get it alike, and what
 * they keep, dump, move and back up is ciphertext.
 *
 * - A document is sealed for the version it becomes, so it is only ever written over a version that is known: a change at
 *   whatever version becomes one at the version that stands, and is tried again where somebody else was first.
 * - So is the first document of a record. Only the store knows where a record begins, since that is above all the id ever
 *   had; a creation names the version it was sealed for, and a refusal says which it has to be. Otherwise the first
 *   document of an earlier incarnation would open in the place of a later one's.
 * - What stands is opened before it is written over. What does not open is neither served nor overwritten; ending a record
 *   needs no key.
 * - Indexed fields, counters, names and times are not sealed: stores find and count by them.
 */
import { LRUCache } from "lru-cache";
import type { Append, Change, ChangeResult, Creation, NewDocument } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Owner, RecordKey, StoredEvent, StoredRecord, Version } from "../../record/record.ts";
import type { DocumentPlace, Sealer } from "../../security/sealing/sealer.ts";
import { around } from "../../store/around.ts";
import type {
  CommitOptions,
  Committed,
  EventsOptions,
  EventsPage,
  ReadAnswer,
  ReadOptions,
  Store,
} from "../../store/contract.ts";
import { jitteredMs, pause } from "../backoff.ts";
import { contention } from "../refusals.ts";
import { openDocumentText, sealDocumentText } from "./document-text.ts";
import type { KindSealing, Sealed, SealingPolicy } from "./policy.ts";

export type SealedStoreOptions = {
  readonly store: Store;
  readonly sealer: Sealer;
  /** For kinds whose policy says that what is not sealed is let through. */
  readonly lenient: Sealer;
  readonly policy: SealingPolicy;
};

/** Everything but content passes through, the admin door included: operators see ciphertext. */
export function sealedStore(options: SealedStoreOptions): Store {
  const { store } = options;
  const sealing = new Sealing(options);
  return around(store, {
    read: (owner, key, given = {}) => sealing.read(owner, key, given),
    commit: (owner, changes, given = {}) => sealing.commit(owner, changes, given),
    events: (owner, key, stream, given) => sealing.events(owner, key, stream, given),
    close: () => sealing.close(),
    [Symbol.asyncDispose]: () => sealing.close(),
  });
}

/** How often a change at whatever version is tried, with others writing too. */
const maxTries = 24;
const pauses = { baseMs: 2, capMs: 100 };
const maxKnown = 10_000;

/** Where a record of an owner begins of whom nothing was ever reaped. */
const firstVersion: Version = 1;

type SealedDocuments = KindSealing & { readonly document: Sealed };
type Standing = { readonly version: Version; readonly incarnation: Version };

class Sealing {
  readonly #store: Store;
  readonly #sealer: Sealer;
  readonly #lenient: Sealer;
  readonly #policy: SealingPolicy;
  readonly #underWay = new Set<Promise<Committed>>();
  #closed = false;
  /** Records whose document opened at a version, by address: what is written over it needs no further look. */
  readonly #known = new LRUCache<string, Standing>({ max: maxKnown });
  /** Where new records of an owner begin, as far as was heard: a guess, which the store puts right. */
  readonly #beginnings = new LRUCache<Owner, Version>({ max: maxKnown });

  constructor({ store, sealer, lenient, policy }: SealedStoreOptions) {
    this.#store = store;
    this.#sealer = sealer;
    this.#lenient = lenient;
    this.#policy = policy;
  }

  async read(owner: Owner, key: RecordKey, options: ReadOptions): Promise<ReadAnswer> {
    const answer = await this.#store.read(owner, key, options);
    const sealing = this.#policy(key.kind);
    if (sealing === undefined || answer.record === undefined) return answer;
    const record = await this.#opened(owner, answer.record, sealing);
    const tails = await Promise.all(
      answer.tails.map((events, n) =>
        this.#openedEvents(owner, key, options.tails?.[n]?.stream ?? "", events, sealing),
      ),
    );
    return { ...answer, record, tails };
  }

  async events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    const page = await this.#store.events(owner, key, stream, options);
    const sealing = this.#policy(key.kind);
    if (sealing === undefined || page === undefined) return page;
    return { ...page, events: await this.#openedEvents(owner, key, stream, page.events, sealing) };
  }

  async commit(owner: Owner, changes: readonly Change[], options: CommitOptions): Promise<Committed> {
    // A closed store says so itself, in its own words.
    if (this.#closed || !changes.some((change) => this.#hasContent(change))) {
      return await this.#store.commit(owner, changes, options);
    }
    const committing = this.#commitSealed(owner, changes, options).finally(() => this.#underWay.delete(committing));
    this.#underWay.add(committing);
    return await committing;
  }

  /** Whether there is anything in a change that has to be sealed. */
  #hasContent({ kind, create, document, appends }: Change): boolean {
    const sealing = this.#policy(kind);
    if (sealing === undefined) return false;
    const writes = create !== undefined || document !== undefined;
    return (writes && sealing.document !== undefined) || (appends !== undefined && sealing.events);
  }

  /** What was asked for before has not reached the store yet while it is being sealed. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
    await this.#store.close();
  }

  async #commitSealed(owner: Owner, changes: readonly Change[], options: CommitOptions): Promise<Committed> {
    const beginnings = new Map<number, Version>();
    let tries = 1;
    for (;;) {
      const general = this.#beginnings.get(owner) ?? firstVersion;
      const sealed = await Promise.all(
        changes.map((change, n) => this.#sealed(owner, change, beginnings.get(n) ?? general, options)),
      );
      const committed = await this.#store.commit(owner, sealed, options);
      if (committed.ok) {
        if (!committed.replayed) this.#checkBeginnings(sealed, committed.results);
        this.#remember(owner, changes, committed.results);
        return committed;
      }
      const { refusal } = committed;
      if (refusal.reason === "beginning" && changes[refusal.index]?.create?.version === undefined) {
        const isNews = !beginnings.has(refusal.index);
        beginnings.set(refusal.index, refusal.actual);
        this.#beginnings.set(owner, refusal.actual);
        // Each change may learn its version once; who has to learn it again is overtaken by others.
        if (isNews) continue;
      } else {
        if (refusal.reason !== "version") return committed;
        const asked = changes[refusal.index];
        const tried = sealed[refusal.index]?.expect;
        if (asked === undefined || tried === asked.expect) return committed;
        this.#known.delete(addressOf(owner, asked));
        // What was asked cannot be, whoever else writes.
        if (typeof asked.expect === "number" || tried === nothing) {
          return { ...committed, refusal: { ...refusal, expected: asked.expect } };
        }
      }
      if (tries >= maxTries) throw contention("others change a sealed record all the time", { tries });
      await pause(jitteredMs(tries - 1, pauses, Math.random), options.signal);
      tries += 1;
    }
  }

  /** A store that does not keep `create.version` would leave documents behind that nobody can open. */
  #checkBeginnings(sealed: readonly Change[], results: readonly ChangeResult[]): void {
    for (const [n, { kind, create }] of sealed.entries()) {
      const result = results[n];
      if (result?.created !== true || create?.version === undefined || result.version === create.version) continue;
      throw new HoldfastError(
        "STORE_UNSAFE",
        `the store "${this.#store.traits.name}" began a record of the kind "${kind}" at another version than it was told to: ` +
          "what was sealed for it does not open; run the conformance suite on that store, and seal nothing in it until it passes",
      );
    }
  }

  async #sealed(owner: Owner, change: Change, beginning: Version, options: CommitOptions): Promise<Change> {
    const sealing = this.#policy(change.kind);
    if (sealing === undefined) return change;
    const { create, document, appends } = change;
    const { document: sealed, events } = sealing;
    return {
      ...change,
      ...(appends !== undefined && events && { appends: await this.#sealedAppends(owner, change, appends) }),
      ...(sealed !== undefined && {
        ...(create !== undefined && { create: await this.#beginning(owner, change, create, beginning, sealed) }),
        ...(document !== undefined &&
          (await this.#replacing(owner, change, document, { ...sealing, document: sealed }, options))),
      }),
    };
  }

  /** @param beginning where the record may begin, unless the caller knows better. */
  async #beginning(
    owner: Owner,
    { kind, id }: RecordKey,
    create: Creation,
    beginning: Version,
    sealed: Sealed,
  ): Promise<Creation> {
    const { version = beginning } = create;
    const place: DocumentPlace = { kind, id, incarnation: version, version };
    return { ...(await this.#sealedDocument(owner, place, create, sealed)), version };
  }

  /** The new document, and the version it is written over. */
  async #replacing(
    owner: Owner,
    change: Change,
    document: NewDocument,
    sealing: SealedDocuments,
    options: CommitOptions,
  ): Promise<Pick<Change, "expect" | "document">> {
    // Whoever creates says so; the document is not looked at then.
    if (change.expect === "absent") return { expect: "absent", document: undefined };
    const standing = await this.#standing(owner, change, sealing, options);
    if (standing === undefined && change.expect === "any" && change.create !== undefined) {
      return { expect: "absent", document: undefined };
    }
    // Refused by the store as it would have been: after commit ids were looked up, and with the version that stands.
    if (standing === undefined || (typeof change.expect === "number" && change.expect !== standing.version)) {
      return { expect: nothing, document: undefined };
    }
    const { version, incarnation } = standing;
    const place: DocumentPlace = { kind: change.kind, id: change.id, incarnation, version: version + 1 };
    return { expect: version, document: await this.#sealedDocument(owner, place, document, sealing.document) };
  }

  async #standing(
    owner: Owner,
    change: Change,
    sealing: KindSealing,
    { signal }: CommitOptions,
  ): Promise<Standing | undefined> {
    const known = this.#known.get(addressOf(owner, change));
    if (known !== undefined && known.version === change.expect) return known;
    const { record } = await this.#store.read(owner, { kind: change.kind, id: change.id }, { signal });
    if (record === undefined || change.end === true) return record;
    return await this.#opened(owner, record, sealing);
  }

  async #opened(owner: Owner, record: StoredRecord, sealing: KindSealing): Promise<StoredRecord> {
    if (sealing.document === undefined) return record;
    const document = await openDocumentText(this.#opener(sealing), owner, record, record.document, sealing.document);
    const { version, incarnation } = record;
    this.#known.set(addressOf(owner, record), { version, incarnation });
    return { ...record, document };
  }

  async #openedEvents(
    owner: Owner,
    key: RecordKey,
    stream: string,
    events: readonly StoredEvent[],
    sealing: KindSealing,
  ): Promise<readonly StoredEvent[]> {
    if (!sealing.events) return events;
    const opener = this.#opener(sealing);
    return await Promise.all(
      events.map(async (event) => ({ ...event, data: await opener.openEvent(owner, key, stream, event.data) })),
    );
  }

  #opener({ mayBePlain }: KindSealing): Sealer {
    return mayBePlain ? this.#lenient : this.#sealer;
  }

  async #sealedDocument<Given extends NewDocument>(
    owner: Owner,
    place: DocumentPlace,
    document: Given,
    sealed: Sealed,
  ): Promise<Given> {
    return { ...document, text: await sealDocumentText(this.#sealer, owner, place, document.text, sealed) };
  }

  async #sealedAppends(owner: Owner, key: RecordKey, appends: readonly Append[]): Promise<readonly Append[]> {
    const sealEach = (append: Append): Promise<string[]> =>
      Promise.all(append.data.map((data) => this.#sealer.sealEvent(owner, key, append.stream, data)));
    return await Promise.all(appends.map(async (append) => ({ ...append, data: await sealEach(append) })));
  }

  #remember(owner: Owner, changes: readonly Change[], results: readonly ChangeResult[]): void {
    for (const [n, change] of changes.entries()) {
      const result = results[n];
      // What a creation found standing was not looked at.
      const wrote = change.document !== undefined || result?.created === true;
      if (result === undefined || !wrote || this.#policy(change.kind)?.document === undefined) continue;
      this.#known.set(addressOf(owner, change), { version: result.version, incarnation: result.incarnation });
    }
  }
}

/** A version that no record reaches. */
const nothing: Version = Number.MAX_SAFE_INTEGER;

function addressOf(owner: Owner, { kind, id }: RecordKey): string {
  return `${owner}/${kind}/${id}`;
}
