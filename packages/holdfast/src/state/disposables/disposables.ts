/**
 * Values of sessions in this process. Nothing of them is in the store: a value is where it was made, and the store only says
 * until when.
 */
import { abortedBy } from "../../record/abort.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import type { Engine } from "../engine.ts";
import { notFound } from "../refusals.ts";
import { type ClosingCause, OneDisposable } from "./disposable.ts";
import { EndWakes } from "./end-wakes.ts";
import { SessionWatch } from "./session-watch.ts";
import type { DisposableLimits, DisposableOptions, MakeDisposable } from "./types.ts";

/** What one session has here. */
type Holding = {
  readonly values: Map<string, OneDisposable>;
  readonly watch: SessionWatch;
};

export type DisposableRequest = {
  readonly name: string;
  readonly make: MakeDisposable<unknown>;
  readonly dispose: DisposableOptions<unknown>["dispose"];
  readonly signal: AbortSignal | undefined;
};

export class Disposables {
  readonly #engine: Engine;
  readonly #limits: DisposableLimits;
  readonly #holdings = new Map<string, Holding>();
  readonly #wakes: EndWakes;
  #open = 0;
  #apps = 0;
  #closed = false;
  /** Closings that took too long or failed. */
  failures = 0;

  constructor(engine: Engine, limits: DisposableLimits) {
    this.#engine = engine;
    this.#limits = limits;
    this.#wakes = new EndWakes(engine, {
      one: (owner, key) => void this.#holdings.get(addressOf(owner, key))?.watch.wake(),
      all: () => this.#lookAtAll(),
    });
  }

  /** Values that are made, there, or being closed. */
  get open(): number {
    return this.#open;
  }

  /** The value of a session that the caller has just found live. */
  async obtain(owner: Owner, key: RecordKey, request: DisposableRequest): Promise<unknown> {
    const { name, signal } = request;
    for (;;) {
      const standing = this.#holdings.get(addressOf(owner, key))?.values.get(name);
      if (standing?.closing !== undefined) {
        // One after the other: the next may need what this one has.
        await unlessAborted(standing.closing, signal);
        continue;
      }
      const value = standing ?? this.#begin(owner, key, request);
      return await unlessAborted(value.ready, signal);
    }
  }

  /** Closes a value. False if this process has none. */
  async dispose(owner: Owner, key: RecordKey, name: string): Promise<boolean> {
    const address = addressOf(owner, key);
    const standing = this.#holdings.get(address)?.values.get(name);
    if (standing === undefined) return false;
    const first = standing.closing === undefined;
    await this.#end(address, name, standing, "disposed");
    return first;
  }

  /** Somebody serves this hold. What is returned says that it no longer does: the last one closes all that there is. */
  attach(): () => Promise<void> {
    this.#apps += 1;
    let left: Promise<void> | undefined;
    return () => (left ??= --this.#apps === 0 ? this.#endAll() : Promise.resolve());
  }

  /** Closes everything, and refuses to make more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#endAll();
    this.#wakes.stop();
  }

  #begin(owner: Owner, key: RecordKey, { name, make, dispose }: DisposableRequest): OneDisposable {
    if (this.#closed) throw new HoldfastError("CLOSED", "the hold is closed");
    const address = addressOf(owner, key);
    const { maxPerNode, maxPerSession } = this.#limits;
    if (this.#open >= maxPerNode) {
      throw new HoldfastError("UNAVAILABLE", `this process has ${maxPerNode} values of sessions; try again shortly`);
    }
    const holding = this.#holdings.get(address) ?? this.#hold(owner, key, address);
    if (holding.values.size >= maxPerSession) {
      throw new HoldfastError("QUOTA_EXCEEDED", `a session has at most ${maxPerSession} values; dispose of one first`);
    }
    const value = new OneDisposable({
      make,
      dispose,
      // Only now is it watched, so a session that ended while the value was made is found out here or by the watch.
      verify: async () => {
        if (!(await holding.watch.look())) throw notFound();
      },
      limits: this.#limits,
      onError: (error) => {
        this.failures += 1;
        this.#engine.onError(error);
      },
    });
    holding.values.set(name, value);
    this.#open += 1;
    value.ready.catch(() => this.#end(address, name, value, undefined));
    return value;
  }

  #hold(owner: Owner, key: RecordKey, address: string): Holding {
    const watch = new SessionWatch({
      engine: this.#engine,
      owner,
      key,
      onOver: (cause) => void this.#endSession(address, cause),
    });
    const holding: Holding = { values: new Map(), watch };
    this.#holdings.set(address, holding);
    this.#wakes.start();
    return holding;
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#holdings.keys()].map((address) => this.#endSession(address, "drained")));
  }

  async #endSession(address: string, cause: ClosingCause): Promise<void> {
    const values = [...(this.#holdings.get(address)?.values ?? [])];
    await Promise.all(values.map(([name, value]) => this.#end(address, name, value, cause)));
  }

  /** @param cause undefined where there was never a value to use. */
  async #end(address: string, name: string, value: OneDisposable, cause: ClosingCause | undefined): Promise<void> {
    const first = value.closing === undefined;
    const inTime = await value.close();
    if (!first) return;
    if (cause !== undefined) {
      const outcome = inTime ? "ok" : "error";
      this.#engine.telemetry.metrics?.record("holdfast.disposables.closed", 1, { cause, outcome });
    }
    this.#open -= 1;
    const holding = this.#holdings.get(address);
    if (holding?.values.get(name) !== value) return;
    holding.values.delete(name);
    if (holding.values.size > 0) return;
    holding.watch.stop();
    this.#holdings.delete(address);
    if (this.#holdings.size === 0) this.#wakes.stop();
  }

  async #lookAtAll(): Promise<void> {
    const waiting = [...this.#holdings.values()];
    const look = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        await next.watch.wake();
      }
    };
    await Promise.all(Array.from({ length: 16 }, look));
  }
}

function addressOf(owner: Owner, { kind, id }: RecordKey): string {
  return `${owner}/${kind}/${id}`;
}

/** Who asked may go away; what was asked for goes on. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(abortedBy(signal));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
