/**
 * Records in Redis, for calls that put up with an answer that is a little old.
 *
 * What is put in was read from PostgreSQL after a moment of Redis's own clock that is kept with it. Two rules follow, and
 * neither rests on any message having arrived:
 *
 * - an answer is never older than `maxStaleMs`, since one whose moment is longer ago is no answer;
 * - what was read before a change is not let in after it, however late it comes, since the change left its own moment.
 *
 * A commit tells the cache before its caller hears that it is done, so whoever reads afterwards, on any node, finds it. Where
 * telling failed, this node trusts the cache no more until what was in it then can be an answer for nobody.
 */
import type { Owner, RecordKey, Version } from "../../record/record.ts";
import type { ReadAnswer } from "../../store/contract.ts";
import type { CacheClient } from "./client.ts";
import { entryFromText, entryToText } from "./entry.ts";

export type CacheOptions = {
  readonly client: CacheClient;
  readonly prefix: string;
  readonly maxStaleMs: number;
  readonly aheadMs: () => number;
};

/** A change of a record, and the version it has now; 0 where that is not known. */
export type Changed = RecordKey & { readonly version: Version };

type Looked = {
  readonly asOf: string;
  readonly answer?: ReadAnswer & { readonly record: NonNullable<ReadAnswer["record"]> };
};

/** Most answers on their way into the cache; beyond it they are left out. */
const maxFilling = 1_000;

export class RecordCache {
  readonly counts = { hits: 0, misses: 0 };
  readonly #options: CacheOptions;
  readonly #lasting: string;
  /** On the clock of this process. */
  #distrustUntil = Number.NEGATIVE_INFINITY;
  readonly #filling = new Set<Promise<unknown>>();

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#lasting = String(options.maxStaleMs * 1_000);
  }

  get isOn(): boolean {
    return this.#options.maxStaleMs > 0 && performance.now() >= this.#distrustUntil;
  }

  /**
   * A record from the cache, or from `ask`, whose answer goes into the cache. `ask` has to ask the truth itself.
   * Undefined where the cache cannot be asked.
   */
  async read(
    owner: Owner,
    key: RecordKey,
    minVersion: Version,
    ask: () => Promise<ReadAnswer>,
  ): Promise<ReadAnswer | undefined> {
    const looked = this.isOn ? await this.#look(owner, key) : undefined;
    // A commit whose telling failed meanwhile may be missing in what was found.
    if (looked === undefined || !this.isOn) return undefined;
    if (looked.answer !== undefined && looked.answer.record.version >= minVersion) {
      this.counts.hits += 1;
      return looked.answer;
    }
    this.counts.misses += 1;
    const answer = await ask();
    if (answer.record !== undefined && this.#filling.size < maxFilling) this.#fill(owner, key, looked.asOf, answer);
    return answer;
  }

  /** Resolves once nobody can find what these records were before, or once this node looks for nothing there. */
  async changed(owner: Owner, changes: readonly Changed[]): Promise<void> {
    const keys = changes.map((change) => this.#keyOf(owner, change));
    await this.#tell("changed", keys, [this.#lasting, ...changes.map(({ version }) => String(version))]);
  }

  async erased(owner: Owner): Promise<void> {
    await this.#tell("erased", [this.#keyOf(owner)], [this.#lasting]);
  }

  /** Waits for what is on its way in. */
  async settled(): Promise<void> {
    await Promise.all(this.#filling);
  }

  async #tell(script: "changed" | "erased", keys: readonly string[], args: readonly string[]): Promise<void> {
    const { client, maxStaleMs } = this.#options;
    if (maxStaleMs === 0) return;
    const told = await client.run(script, keys, args);
    if (told === undefined) this.#distrustUntil = performance.now() + maxStaleMs;
  }

  async #look(owner: Owner, key: RecordKey): Promise<Looked | undefined> {
    const keys = [this.#keyOf(owner, key), this.#keyOf(owner)];
    const reply = await this.#options.client.run("look", keys, [this.#lasting]);
    if (!Array.isArray(reply)) return undefined;
    const [now, asOf, text] = reply.map(String);
    if (now === undefined) return undefined;
    const entry = text === undefined ? undefined : entryFromText(text);
    if (entry === undefined) return { asOf: now };
    const passedMs = Math.floor((Number(now) - Number(asOf)) / 1_000) + this.#options.aheadMs() - entry.aheadMs;
    const at = entry.at + passedMs;
    const { record } = entry;
    if (record.expiresAt !== undefined && record.expiresAt <= at) return { asOf: now };
    return { asOf: now, answer: { at, record, tails: [] } };
  }

  #fill(owner: Owner, key: RecordKey, asOf: string, { record, at }: ReadAnswer): void {
    if (record === undefined) return;
    const { client, aheadMs } = this.#options;
    const keys = [this.#keyOf(owner, key), this.#keyOf(owner)];
    const text = entryToText({ record, at, aheadMs: aheadMs() });
    const filling = client.run("fill", keys, [asOf, String(record.version), this.#lasting, text]);
    this.#filling.add(filling);
    void filling.finally(() => this.#filling.delete(filling));
  }

  #keyOf(owner: Owner, key?: RecordKey): string {
    const all = `${this.#options.prefix}{${owner}}`;
    return key === undefined ? all : `${all}:${key.kind}/${key.id}`;
  }
}
