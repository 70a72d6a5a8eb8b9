/**
 * Change events of the server (lists, resources), for subscription streams of the 2026-07-28 era and for 2025-era
 * instances alike. Delivery inside this process is synchronous and sure. Other processes on the same store hear of it
 * only where its hints carry their text (where a hint says no more than that something changed, as between processes on
 * one SQLite file, nothing is delivered), and even then hints may be lost: a client that must not miss a change reads
 * the resource.
 */
import type { ServerEvent, ServerNotifier } from "@modelcontextprotocol/server";
import { mintSecret } from "../record/ids.ts";
import { maxHintBytes, type Owner } from "../record/record.ts";
import { utf8Length } from "../record/text.ts";
import type { Store } from "../store/contract.ts";

const topic = "holdfast.server-events";

type Listener = {
  /** Whether what is meant for this owner, or for everybody, is for this listener. */
  readonly hears: (owner: Owner | undefined) => boolean;
  readonly listener: (event: ServerEvent, owner: Owner | undefined) => void;
};

export class EventBus {
  readonly #store: Pick<Store, "publish" | "subscribe">;
  readonly #onError: (error: unknown) => void;
  readonly #node = mintSecret(48);
  readonly #listeners = new Set<Listener>();
  #unsubscribe: (() => void) | undefined;

  constructor(store: Pick<Store, "publish" | "subscribe">, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /**
   * Tells every listener in this process, or with an owner only that owner's, and those of other processes where hints
   * reach them. Never throws and never waits.
   */
  publish(event: ServerEvent, owner?: Owner): void {
    this.#deliver(event, owner);
    const hint = JSON.stringify([
      this.#node,
      event.kind,
      event.kind === "resource_updated" ? event.uri : null,
      owner ?? null,
    ]);
    // Longer names stay in this process: a hint has a fixed room, and half a name would be the wrong name.
    if (utf8Length(hint) > maxHintBytes) return;
    this.#guarded(() => this.#store.publish(topic, hint));
  }

  /** Events for everybody and, where an owner is given, for that owner. The returned function ends it, once. */
  subscribe(listener: (event: ServerEvent) => void, owner?: Owner): () => void {
    return this.#add({ hears: (addressee) => addressee === undefined || addressee === owner, listener });
  }

  /** Every event, with the owner it is meant for: for who passes events on to clients of many owners. */
  observe(listener: (event: ServerEvent, owner: Owner | undefined) => void): () => void {
    return this.#add({ hears: () => true, listener });
  }

  #add(entry: Listener): () => void {
    this.#listeners.add(entry);
    // Stores may poll while somebody listens, so nobody listens for nothing.
    this.#guarded(() => {
      this.#unsubscribe ??= this.#store.subscribe(topic, (hint) => this.#onHint(hint));
    });
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) this.#endSubscription();
    };
  }

  /** Typed ways to publish, for one owner or for all. */
  notifier(owner?: Owner): ServerNotifier {
    return {
      toolsChanged: () => this.publish({ kind: "tools_list_changed" }, owner),
      promptsChanged: () => this.publish({ kind: "prompts_list_changed" }, owner),
      resourcesChanged: () => this.publish({ kind: "resources_list_changed" }, owner),
      resourceUpdated: (uri) => this.publish({ kind: "resource_updated", uri }, owner),
    };
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  close(): void {
    this.#listeners.clear();
    this.#endSubscription();
  }

  #endSubscription(): void {
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = undefined;
    if (unsubscribe !== undefined) this.#guarded(unsubscribe);
  }

  #onHint(hint: string | undefined): void {
    // Without its text a hint does not say which change it was about, and a guess would be a false one.
    const decoded = hint === undefined ? undefined : decodeHint(hint);
    if (decoded === undefined || decoded.node === this.#node) return;
    this.#deliver(decoded.event, decoded.owner);
  }

  #deliver(event: ServerEvent, owner: Owner | undefined): void {
    for (const entry of [...this.#listeners]) {
      if (entry.hears(owner)) this.#guarded(() => entry.listener(event, owner));
    }
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onError(error);
    }
  }
}

function decodeHint(hint: string): { node: string; event: ServerEvent; owner: Owner | undefined } | undefined {
  const parts = partsOf(hint);
  if (parts === undefined) return undefined;
  const [node, kind, uri, owner] = parts;
  if (typeof node !== "string") return undefined;
  const event = decodeEvent(kind, uri);
  // Only `publish` writes this topic, and there it was an owner.
  return event && { node, event, owner: typeof owner === "string" ? (owner as Owner) : undefined };
}

function partsOf(hint: string): readonly unknown[] | undefined {
  try {
    const parts: unknown = JSON.parse(hint);
    return Array.isArray(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}

function decodeEvent(kind: unknown, uri: unknown): ServerEvent | undefined {
  switch (kind) {
    case "tools_list_changed":
    case "prompts_list_changed":
    case "resources_list_changed":
      return { kind };
    case "resource_updated":
      return typeof uri === "string" ? { kind, uri } : undefined;
    default:
      return undefined;
  }
}
