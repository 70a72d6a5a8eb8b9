import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { isAnonymous } from "../../security/anonymous.ts";
import { ownerOfPrincipal } from "../../security/principal.ts";
import type { Inbound } from "../exchange.ts";
import { networkOf } from "../http/addresses.ts";

type Window = { readonly endsAt: number; readonly ids: Set<string> };

const windowMs = 60_000;
const maxGuessers = 10_000;

/**
 * Slows guessing down: counts the distinct ids that each principal presented in vain within a minute. A client that
 * keeps presenting one dead id is no guesser and goes on hearing that it is dead.
 */
export class MissedIds {
  readonly #max: number;
  readonly #onRefused: () => void;
  readonly #windows = new LRUCache<string, Window>({ max: maxGuessers });

  constructor(maxPerMinute: number, onRefused: () => void = () => undefined) {
    this.#max = maxPerMinute;
    this.#onRefused = onRefused;
  }

  /** @param guesser the owner, or the network of somebody nobody knows. Seconds to wait if it is one too many; undefined otherwise. */
  note(guesser: string, id: string, now: number = performance.now()): number | undefined {
    const standing = this.#windows.get(guesser);
    const window =
      standing !== undefined && now < standing.endsAt ? standing : { endsAt: now + windowMs, ids: new Set<string>() };
    if (window !== standing) this.#windows.set(guesser, window);
    // Ids may be long, and one of them may be somebody's secret.
    const digest = createHash("sha256").update(id, "utf8").digest("base64url").slice(0, 16);
    if (window.ids.has(digest)) return undefined;
    if (window.ids.size >= this.#max) {
      this.#onRefused();
      return Math.max(1, Math.ceil((window.endsAt - now) / 1_000));
    }
    window.ids.add(digest);
    return undefined;
  }
}

/** Whose misses are counted together. An anonymous caller would be another one with each id it tries. */
export function guesserOf({ principal, address }: Pick<Inbound, "principal" | "address">): string {
  return isAnonymous(principal) ? `address ${networkOf(address ?? "")}` : ownerOfPrincipal(principal);
}
