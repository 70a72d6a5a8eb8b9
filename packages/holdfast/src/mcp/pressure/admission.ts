import type { Reply } from "../exchange.ts";
import { unavailable } from "../http/answers.ts";

export type AdmissionInit = {
  /** Sessions that may be in use at this node at a time. */
  readonly maxInUse: number;
  readonly inUse: () => number;
  /** Whether memory is too short for new ones. */
  readonly memoryIsShort: () => boolean;
  readonly onRefused: (limit: "node_sessions" | "memory") => void;
};

const fullRetrySeconds = 1;
/** Room for memory comes with steps of a second each. */
const memoryRetrySeconds = 5;

/**
 * Whether this node can take one more session in hand. What it cannot another node may, so the answer is 503, which
 * balancers send on, and nothing of a session is made or lost.
 */
export class Admission {
  readonly #init: AdmissionInit;

  constructor(init: AdmissionInit) {
    this.#init = init;
  }

  /** The refusal of a session that is yet to be made. */
  refuseNew(): Reply | undefined {
    if (this.#init.memoryIsShort()) return this.#refuse("memory", memoryRetrySeconds);
    return this.refuseMore();
  }

  /** The refusal of a session that stands in the store and is not in use here. Never for want of memory. */
  refuseMore(): Reply | undefined {
    return this.#init.inUse() < this.#init.maxInUse ? undefined : this.#refuse("node_sessions", fullRetrySeconds);
  }

  #refuse(limit: "node_sessions" | "memory", retrySeconds: number): Reply {
    this.#init.onRefused(limit);
    return unavailable(retrySeconds);
  }
}
