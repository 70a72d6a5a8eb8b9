import type { IncomingMessage, ServerResponse } from "node:http";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Knows when requests came, for who wants to end once nobody sends any more. */
export class Traffic {
  #lastAt = Number.NEGATIVE_INFINITY;

  /** The same listener, whose requests are noted. */
  watch(listener: Listener): Listener {
    return (request, response) => {
      this.#lastAt = performance.now();
      listener(request, response);
    };
  }

  /** Resolves once no request has come for so long, and after `mostMs` in any case. At once where none came of late. */
  async quiet(forMs: number, mostMs: number): Promise<void> {
    const deadline = performance.now() + mostMs;
    for (;;) {
      const now = performance.now();
      const leftMs = Math.min(this.#lastAt + forMs, deadline) - now;
      if (leftMs <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, leftMs));
    }
  }
}
