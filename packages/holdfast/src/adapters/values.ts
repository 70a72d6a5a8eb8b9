/** Values under names, each with a lifetime: what the key-value interfaces of other frameworks come to. */
import type { Change } from "../record/change.ts";
import { slideIsDue } from "../record/decide.ts";
import { HoldfastError } from "../record/errors.ts";
import { idOfName } from "../record/ids.ts";
import type { Quota } from "../record/quota.ts";
import type { Lifetime, Owner, RecordKey } from "../record/record.ts";
import { jitteredMs, pause } from "../state/backoff.ts";
import { refusalError } from "../state/refusals.ts";
import type { Store } from "../store/contract.ts";

export type ValuesInit = {
  readonly store: Store;
  readonly owner: Owner;
  /** A kind of the engine's own. */
  readonly kind: string;
  readonly quota: Quota;
  /** Keep the names, so that they can be listed. Default: only digests of them are stored, fit for names that are secrets. */
  readonly listed?: boolean;
};

const maxAttempts = 24;
const pageSize = 1_000;

export class Values {
  readonly #init: ValuesInit;

  constructor(init: ValuesInit) {
    this.#init = init;
  }

  /** Undefined where there is none, or none any more. One that lives as long as it is used lives on. */
  async get(name: string): Promise<unknown> {
    const { store, owner } = this.#init;
    const { record, at } = await store.read(owner, this.#key(name));
    if (record === undefined) return undefined;
    if (slideIsDue(record, at)) {
      // What was read was read, whatever comes of this.
      await store.commit(owner, [{ ...this.#key(name), expect: "present", slide: true }]).catch(() => undefined);
    }
    return JSON.parse(record.document) as unknown;
  }

  async has(name: string): Promise<boolean> {
    return (await this.#read(name)) !== undefined;
  }

  /** Keeps a value in place of the one before; its lifetime begins anew. */
  async put(name: string, value: unknown, lifetime: Lifetime): Promise<void> {
    const { store, owner, quota } = this.#init;
    const document = { text: textOf(value), ...this.#fields(name) };
    const change = {
      ...this.#key(name),
      expect: "any",
      create: { ...document, lifetime },
      document,
      lifetime,
    } as const;
    const committed = await store.commit(owner, [change], { quota });
    if (!committed.ok) throw refusalError(committed.refusal);
  }

  /**
   * Replaces a value by what a function makes of it; by nothing, where that is undefined. The function may run more than
   * once, and is given undefined where there is none.
   */
  async change(name: string, fn: (value: unknown) => unknown, lifetime: Lifetime): Promise<void> {
    const { store, owner, quota } = this.#init;
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const before = await this.#read(name);
      const value = fn(before?.value);
      if (value === undefined && before === undefined) return;
      const document = { text: textOf(value ?? null), ...this.#fields(name) };
      const change: Omit<Change, keyof RecordKey> =
        before === undefined
          ? { expect: "absent", create: { ...document, lifetime } }
          : { expect: before.version, ...(value === undefined ? { end: true } : { document, slide: true }) };
      const committed = await store.commit(owner, [{ ...this.#key(name), ...change }], { quota });
      if (committed.ok) return;
      if (committed.refusal.reason !== "version") throw refusalError(committed.refusal);
      await pause(jitteredMs(attempt, { baseMs: 2, capMs: 100 }, Math.random), undefined);
    }
    throw contended();
  }

  /** Gives a value to one taker, who ever asks at once: all others find none. Never takes away another than it gives. */
  async take(name: string): Promise<unknown> {
    const { store, owner } = this.#init;
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const found = await this.#read(name);
      if (found === undefined) return undefined;
      const committed = await store.commit(owner, [{ ...this.#key(name), expect: found.version, end: true }]);
      if (committed.ok) return found.value;
    }
    throw contended();
  }

  async remove(name: string): Promise<void> {
    await this.#init.store.commit(this.#init.owner, [{ ...this.#key(name), expect: "present", end: true }]);
  }

  /** All names, where they are kept. */
  async names(): Promise<string[]> {
    const { store, owner, kind } = this.#init;
    const names: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.list(owner, kind, { after, limit: pageSize, order: "oldest" });
      for (const { fields } of page.records) if (typeof fields["name"] === "string") names.push(fields["name"]);
      if (page.next === undefined) return names;
      after = page.next;
    }
  }

  async #read(name: string): Promise<{ readonly value: unknown; readonly version: number } | undefined> {
    const { record } = await this.#init.store.read(this.#init.owner, this.#key(name));
    return record && { value: JSON.parse(record.document) as unknown, version: record.version };
  }

  #key(name: string): RecordKey {
    return { kind: this.#init.kind, id: idOfName("val", name) };
  }

  #fields(name: string): { readonly fields?: { readonly name: string } } {
    return this.#init.listed === true ? { fields: { name } } : {};
  }
}

function textOf(value: unknown): string {
  // What is no JSON gives undefined here, whatever the type says.
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new HoldfastError("INVALID_ARGUMENT", "only what is JSON can be kept");
  return text;
}

function contended(): HoldfastError {
  return new HoldfastError("CONTENTION", "others change this value all the time; try again shortly");
}
