/**
 * tmcp's `InfoSessionManager`: what a client said of itself, and what it subscribed to. One value per session, and one per
 * resource that names its subscribers.
 *
 * tmcp writes without waiting, so writes of one session queue here, and reads of it wait for them.
 */
import { isObject } from "../../mcp/is-object.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Quota } from "../../record/quota.ts";
import type { Lifetime, Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { Values } from "../values.ts";

export type InfoInit = {
  readonly store: Store;
  readonly owner: Owner;
  readonly lifetime: Lifetime;
  readonly quota: Quota;
  readonly onError: (error: unknown) => void;
};

type Info = Readonly<Record<string, unknown>> & { readonly uris?: readonly string[] };

/** Most sessions that are told of one resource: the newest. */
const maxSubscribers = 10_000;
/** Most resources that one session is told of. */
const maxSubscriptions = 1_000;

export class InfoSessions {
  readonly #sessions: Values;
  readonly #subscribers: Values;
  readonly #lifetime: Lifetime;
  readonly #onError: (error: unknown) => void;
  readonly #writes = new Map<string, Promise<void>>();

  constructor({ store, owner, lifetime, quota, onError }: InfoInit) {
    this.#sessions = new Values({ store, owner, quota, kind: "holdfast.tmcp-session" });
    this.#subscribers = new Values({ store, owner, quota, kind: "holdfast.tmcp-subscribers" });
    this.#lifetime = lifetime;
    this.#onError = onError;
  }

  getClientInfo<Value>(id: string): Promise<Value> {
    return this.#read(id, "clientInfo");
  }

  setClientInfo(id: string, info: unknown): void {
    this.#write(id, (before) => ({ ...before, clientInfo: info }));
  }

  getClientCapabilities<Value>(id: string): Promise<Value> {
    return this.#read(id, "clientCapabilities");
  }

  setClientCapabilities(id: string, capabilities: unknown): void {
    this.#write(id, (before) => ({ ...before, clientCapabilities: capabilities }));
  }

  getLogLevel<Value>(id: string): Promise<Value> {
    return this.#read(id, "logLevel");
  }

  setLogLevel(id: string, level: unknown): void {
    this.#write(id, (before) => before && { ...before, logLevel: level });
  }

  async getSubscriptions(uri: string): Promise<string[]> {
    // What this process was told before counts.
    await Promise.all(this.#writes.values());
    return idsOf(await this.#subscribers.get(uri));
  }

  addSubscription(id: string, uri: string): void {
    this.#queue(id, async () => {
      let known = false;
      await this.#change(id, (before) => {
        // Ids that clients made up are not kept.
        known = before !== undefined;
        return (
          before && { ...before, uris: [...urisOf(before).filter((one) => one !== uri), uri].slice(-maxSubscriptions) }
        );
      });
      if (known) await this.#changeSubscribers(uri, (ids) => [...ids.filter((one) => one !== id), id]);
    });
  }

  removeSubscription(id: string, uri: string): void {
    this.#queue(id, async () => {
      await this.#change(id, (before) => before && { ...before, uris: urisOf(before).filter((one) => one !== uri) });
      await this.#changeSubscribers(uri, (ids) => ids.filter((one) => one !== id));
    });
  }

  delete(id: string): void {
    this.#queue(id, async () => {
      const info = await this.#sessions.take(id);
      for (const uri of isObject(info) ? urisOf(info) : []) {
        await this.#changeSubscribers(uri, (ids) => ids.filter((one) => one !== id));
      }
    });
  }

  async #read<Value>(id: string, field: string): Promise<Value> {
    await this.#writes.get(id);
    const info = await this.#sessions.get(id);
    const value = isObject(info) ? info[field] : undefined;
    // tmcp takes a rejection for "not known".
    if (value === undefined) throw new HoldfastError("NOT_FOUND", `nothing is known of this session's ${field}`);
    // As tmcp wrote it, of whatever type it has for that.
    return value as Value;
  }

  #write(id: string, fn: (before: Info | undefined) => Info | undefined): void {
    this.#queue(id, () => this.#change(id, fn));
  }

  async #change(id: string, fn: (before: Info | undefined) => Info | undefined): Promise<void> {
    await this.#sessions.change(id, (before) => fn(isObject(before) ? before : undefined), this.#lifetime);
  }

  async #changeSubscribers(uri: string, fn: (ids: readonly string[]) => readonly string[]): Promise<void> {
    const change = (before: unknown): readonly string[] | undefined => {
      const ids = fn(idsOf(before)).slice(-maxSubscribers);
      return ids.length === 0 ? undefined : ids;
    };
    await this.#subscribers.change(uri, change, this.#lifetime);
  }

  #queue(id: string, work: () => Promise<void>): void {
    const write = (this.#writes.get(id) ?? Promise.resolve())
      .then(work)
      .catch(this.#onError)
      .finally(() => {
        if (this.#writes.get(id) === write) this.#writes.delete(id);
      });
    this.#writes.set(id, write);
  }
}

function urisOf(info: Info): readonly string[] {
  return idsOf(info.uris);
}

function idsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((id) => typeof id === "string") : [];
}
