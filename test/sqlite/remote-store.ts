/** A store in another process, seen through the contract: every call is made there, by a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type {
  AccountPage,
  CommitOptions,
  Committed,
  ErrorCode,
  EventsPage,
  HintListener,
  ListPage,
  OwnersPage,
  ReadAnswer,
  ReapAnswer,
  RecordDump,
  ScanPage,
  Store,
  StoreAdmin,
  StoredRecord,
  StoreHealth,
  StoreStats,
  StoreTraits,
  Usage,
} from "holdfast/contract";
import { HoldfastError } from "holdfast/contract";

import type { Failure, Reply, Request } from "./protocol.ts";

type Pending = { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void };

export class RemoteStore implements Store {
  traits: StoreTraits = { name: "sqlite", durability: "host", outcomeCanBeUnknown: false, shared: true };
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<number, HintListener>();
  #last = 0;
  #closed = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (reply: Reply) => this.#hear(reply));
    child.on("exit", () => {
      for (const { reject } of this.#pending.values()) reject(new Error("the process with the store ended"));
      this.#pending.clear();
    });
  }

  /** @param ahead how far its clock is ahead of the system's. */
  static async open(path: string, ahead = 0): Promise<RemoteStore> {
    const script = fileURLToPath(new URL("peer-process.mjs", import.meta.url));
    const remote = new RemoteStore(fork(script, { serialization: "advanced" }));
    remote.traits = await remote.#call<StoreTraits>("open", [path, ahead]);
    return remote;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  advance(ms: number): Promise<void> {
    return this.#call("advance", [ms]);
  }

  read(...args: Parameters<Store["read"]>): Promise<ReadAnswer> {
    return this.#call("read", args);
  }

  commit(...args: Parameters<Store["commit"]>): Promise<Committed> {
    return this.#call("commit", args);
  }

  events(...args: Parameters<Store["events"]>): Promise<EventsPage | undefined> {
    return this.#call("events", args);
  }

  list(...args: Parameters<Store["list"]>): Promise<ListPage> {
    return this.#call("list", args);
  }

  usage(...args: Parameters<Store["usage"]>): Promise<Usage> {
    return this.#call("usage", args);
  }

  health(...args: Parameters<Store["health"]>): Promise<StoreHealth> {
    return this.#call("health", args);
  }

  publish(topic: string, hint: string): void {
    void this.#call("publish", [topic, hint]);
  }

  subscribe(topic: string, listener: HintListener): () => void {
    const number = ++this.#last;
    this.#listeners.set(number, listener);
    void this.#call("subscribe", [topic, number]);
    return () => {
      this.#listeners.delete(number);
      void this.#call("unsubscribe", [number]);
    };
  }

  readonly admin: StoreAdmin = {
    scan: (...args) => this.#call<ScanPage>("admin.scan", args),
    inspect: (...args) => this.#call<StoredRecord | undefined>("admin.inspect", args),
    reap: (...args) => this.#call<ReapAnswer>("admin.reap", args),
    erase: (...args) => this.#call<number>("admin.erase", args),
    export: (...args) => this.#call<RecordDump | undefined>("admin.export", args),
    import: (...args) => this.#call<void>("admin.import", args),
    owners: (...args) => this.#call<OwnersPage>("admin.owners", args),
    exportAccount: (...args) => this.#call<AccountPage | undefined>("admin.exportAccount", args),
    importAccount: (...args) => this.#call<void>("admin.importAccount", args),
    stats: (...args) => this.#call<StoreStats>("admin.stats", args),
  };

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#call("close", []);
    this.#closed = true;
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #call<T>(call: string, args: readonly unknown[]): Promise<T> {
    const id = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      const sent = args.map((arg) => this.#withoutSignal(arg, id));
      // The other process answers with what the store's method returns there.
      this.#pending.set(id, { resolve: (value) => resolve(value as T), reject });
      this.#child.send({ id, call, args: sent } satisfies Request);
    });
  }

  /** A signal cannot be sent: a mark stands for it, and its abort is told when it comes. */
  #withoutSignal(arg: unknown, id: number): unknown {
    if (typeof arg !== "object" || arg === null || !("signal" in arg) || arg.signal === undefined) return arg;
    // Only options have a signal, and this is what theirs is.
    const { signal } = arg as CommitOptions;
    signal?.addEventListener("abort", () => this.#child.send({ abort: id } satisfies Request), { once: true });
    return { ...arg, signal: "signal" };
  }

  #hear(reply: Reply): void {
    if ("heard" in reply) {
      this.#listeners.get(reply.heard)?.(reply.hint);
      return;
    }
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ("failure" in reply) pending?.reject(errorFrom(reply.failure));
    else pending?.resolve(reply.value);
  }
}

function errorFrom({ code, message, details }: Failure): Error {
  // The code comes from a HoldfastError of the other process.
  return code === undefined ? new Error(message) : new HoldfastError(code as ErrorCode, message, { details });
}
