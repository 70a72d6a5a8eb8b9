import type { Owner } from "../../record/record.ts";
import type { Engine } from "../engine.ts";
import { checkCall } from "../method-options.ts";
import { invalid } from "../refusals.ts";
import type { CallOptions } from "../types.ts";
import { type Asked, ask, topicOf, type Wanted } from "./ask.ts";
import { OwnStepUps } from "./own-step-ups.ts";
import { confirmationDocument, confirmationKey, confirmationOf } from "./records.ts";
import type { Confirmation, SessionStepUp } from "./types.ts";

/** How often somebody who waits looks without having been told: hints may be lost. */
const lookEveryMs = 1_000;

/** Where a confirmation counts: one session, or one client where there are none. */
export class Seat implements SessionStepUp {
  readonly #engine: Engine;
  readonly #owner: Owner;
  readonly #name: string;

  constructor(engine: Engine, owner: Owner, name: string) {
    this.#engine = engine;
    this.#owner = owner;
    this.#name = name;
  }

  /** Always asked of the store, so that a log-out counts for the next call on every node. */
  async confirmed(purpose: string, options: CallOptions = {}): Promise<Confirmation | undefined> {
    checkCall("confirmed()", options);
    return (await this.standing(purpose, options))?.confirmation;
  }

  async standing(
    purpose: string,
    { signal }: CallOptions,
  ): Promise<{ readonly confirmation: Confirmation; readonly elicitation: string } | undefined> {
    if (typeof purpose !== "string") throw invalid("the purpose of a step-up is a text");
    const { record } = await this.#engine.read(this.#owner, confirmationKey(this.#name, purpose), { signal });
    if (record === undefined) return undefined;
    return { confirmation: confirmationOf(record), elicitation: confirmationDocument(record).elicitation };
  }

  async revoke(purpose?: string, options: CallOptions = {}): Promise<number> {
    checkCall("revoke()", options);
    const all = new OwnStepUps(this.#engine, this.#owner);
    const seat = this.#name;
    return await all.revokeWhere(
      (given) => given.seat === seat && (purpose === undefined || given.purpose === purpose),
      options,
    );
  }

  async ask(wanted: Pick<Wanted, "purpose" | "client" | "lastsMs">, signal: AbortSignal | undefined): Promise<Asked> {
    return await ask(this.#engine, { ...wanted, owner: this.#owner, seat: this.#name }, signal);
  }

  /** Waits until the purpose is confirmed, wherever that happens. Undefined when the signal fires first. */
  async wait(
    purpose: string,
    signal: AbortSignal,
  ): Promise<{ readonly confirmation: Confirmation; readonly elicitation: string } | undefined> {
    let wake = (): void => undefined;
    const unsubscribe = this.#engine.store.subscribe(topicOf(this.#name, purpose), () => wake());
    try {
      for (;;) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const standing = await this.standing(purpose, {});
        if (standing !== undefined || signal.aborted) return standing;
        await Promise.race([woken, elapsed(lookEveryMs, signal)]);
      }
    } finally {
      unsubscribe();
    }
  }
}

/** Resolves, early where the signal fires. */
function elapsed(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
