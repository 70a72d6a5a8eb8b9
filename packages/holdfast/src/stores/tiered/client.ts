/** The way to Redis for those who can do without: little patience, and none while it has failed again and again. */
import { isHoldfastError } from "../../record/errors.ts";
import { type Breaker, connectionBreaker } from "../../store/breaker.ts";
import { Client } from "../redis/client.ts";
import type { Topology } from "../redis/topology.ts";
import { type CacheScript, cacheScripts } from "./scripts.ts";

const failuresToOpen = 5;
const openMs = 1_000;

export class CacheClient {
  readonly redis: Client<CacheScript>;
  readonly #timeoutMs: number;
  readonly #breaker: Breaker = connectionBreaker({ failures: failuresToOpen, openMs });

  constructor(topology: Topology, timeoutMs: number) {
    this.redis = new Client(topology, cacheScripts());
    this.#timeoutMs = timeoutMs;
  }

  /** Whether every server that is known of has a line that is open. */
  get isUp(): boolean {
    const nodes = [...this.redis.topology.nodes().values()];
    return nodes.length > 0 && nodes.every((node) => node.isUp);
  }

  /** Whether nobody asks it right now, because that failed too often. */
  get isGivenUp(): boolean {
    return this.#breaker.isOpen;
  }

  /** The script's answer, or undefined where none came in time: it may have run, or may yet. */
  async run(name: CacheScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.#breaker.attempt(() => within(this.#timeoutMs, this.#ask(name, keys, args)));
    } catch {
      return undefined;
    }
  }

  async #ask(name: CacheScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.redis.run(name, keys, args);
    } catch (error) {
      // A cache that has no room for more is no broken one.
      if (isHoldfastError(error, "STORE_FULL")) return undefined;
      throw error;
    }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis gave no answer in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
