import { HoldfastError } from "../../record/errors.ts";
import { invalid } from "../refusals.ts";
import type { DisposableLimits, DisposableOptions, MakeDisposable } from "./types.ts";

/** Why a value was closed. */
export type ClosingCause = "ended" | "expired" | "disposed" | "drained";

export type DisposableInit = {
  readonly make: MakeDisposable<unknown>;
  readonly dispose: DisposableOptions<unknown>["dispose"];
  /** Throws where the session was over by the time the value was there. */
  readonly verify: () => Promise<void>;
  readonly limits: DisposableLimits;
  /** Hears of what nobody waits for. */
  readonly onError: (error: unknown) => void;
};

/**
 * One value from its making to its closing.
 *
 *     making ──► ready ──► closing ──► closed
 *        └──────────────────┘  (given up: closed as soon as it is there)
 *
 * Whatever happens in whatever order, what `make` returned is closed once, and nothing else is.
 */
export class OneDisposable {
  /** Resolves with the value once it may be used. */
  readonly ready: Promise<unknown>;
  readonly #init: DisposableInit;
  readonly #unwanted = new AbortController();
  /** What `make` returns, however late. */
  readonly #made: Promise<unknown>;
  #closing: Promise<boolean> | undefined;

  constructor(init: DisposableInit) {
    this.#init = init;
    this.#made = this.#make();
    this.ready = this.#prepare();
    // Whoever asked hears of a failure; where all of them have gone away nobody has to.
    this.ready.catch(() => undefined);
  }

  /** Resolves when it is closed or given up; undefined while nobody has asked for that. */
  get closing(): Promise<boolean> | undefined {
    return this.#closing;
  }

  /** Closes it, however often this is called, once. Never rejects: false if it failed or took too long. */
  close(): Promise<boolean> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** In a turn of its own, so that what throws at once is seen as any other failure. */
  async #make(): Promise<unknown> {
    await Promise.resolve();
    return await this.#init.make(this.#unwanted.signal);
  }

  async #prepare(): Promise<unknown> {
    const { limits, verify } = this.#init;
    const value = await beforeDeadline(this.#made, limits.makeMs, () => {
      return new HoldfastError("UNAVAILABLE", `making the value took more than ${limits.makeMs} ms; try again shortly`);
    });
    closerOf(value, this.#init.dispose);
    await verify();
    if (this.#closing !== undefined) throw givenUp();
    return value;
  }

  async #close(): Promise<boolean> {
    const { limits, dispose, onError } = this.#init;
    this.#unwanted.abort(givenUp());
    const closed = this.#made.then(
      async (value) => await closerOf(value, dispose)?.(),
      // There is nothing to close: who asked for it was told why.
      () => undefined,
    );
    try {
      await beforeDeadline(closed, limits.closeMs, () => {
        return new HoldfastError("UNAVAILABLE", `closing a session's value takes more than ${limits.closeMs} ms`);
      });
      return true;
    } catch (error) {
      onError(error);
      return false;
    }
  }
}

function givenUp(): HoldfastError {
  return new HoldfastError("ABORTED", "the value is no longer wanted: its session is over, or this process drains");
}

/** How to close a value. Throws `INVALID_ARGUMENT` where nothing says how. */
function closerOf(value: unknown, dispose: DisposableOptions<unknown>["dispose"]): () => unknown {
  if (dispose !== undefined) return () => dispose(value);
  if ((typeof value === "object" && value !== null) || typeof value === "function") {
    // Any value may have them; what they are is found out here.
    const { [Symbol.asyncDispose]: later, [Symbol.dispose]: now } = value as Partial<AsyncDisposable & Disposable>;
    if (typeof later === "function") return () => later.call(value);
    if (typeof now === "function") return () => now.call(value);
  }
  throw invalid("a session's value has Symbol.asyncDispose or Symbol.dispose; or say how to close it: { dispose }");
}

/** Where the deadline comes first, what the work comes to later is its own business. */
async function beforeDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
