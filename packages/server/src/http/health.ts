import type { StoreHealth } from "holdfast";

export type Readiness =
  /** What the store says survives what. */
  | { readonly ready: true; readonly durability: string }
  | { readonly ready: false; readonly reason: "draining" | "store"; readonly message: string };

export type ReadinessOptions = {
  readonly health: (signal: AbortSignal) => Promise<StoreHealth>;
  readonly draining: () => boolean;
  readonly deadlineMs: number;
};

/**
 * Ready means: the store answers, its schema is right, and this process is not on its way out. It never depends on
 * traffic. Probes that come at once share one look at the store.
 */
export class ReadinessCheck {
  readonly #options: ReadinessOptions;
  #underWay: Promise<Readiness> | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  async ask(): Promise<Readiness> {
    if (this.#options.draining()) return draining;
    this.#underWay ??= this.#lookAtStore().finally(() => (this.#underWay = undefined));
    const answer = await this.#underWay;
    return this.#options.draining() ? draining : answer;
  }

  async #lookAtStore(): Promise<Readiness> {
    try {
      const health = await withDeadline(this.#options.health, this.#options.deadlineMs);
      return health.ok ? { ready: true, durability: health.durability } : storeDown;
    } catch {
      return storeDown;
    }
  }
}

const draining: Readiness = { ready: false, reason: "draining", message: "this node is shutting down" };
// Why is in the log: what a store says of itself is not for everybody who can reach a probe.
const storeDown: Readiness = { ready: false, reason: "store", message: "the store cannot be reached or is not usable" };

async function withDeadline<T>(work: (signal: AbortSignal) => Promise<T>, deadlineMs: number): Promise<T> {
  const deadline = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = new Error(`no answer within ${deadlineMs} ms`);
      deadline.abort(reason);
      reject(reason);
    }, deadlineMs);
  });
  try {
    return await Promise.race([work(deadline.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
