import type { Owner, RecordKey } from "../../record/record.ts";
import type { Engine } from "../engine.ts";
import { sessionKind } from "../sessions/definition.ts";

export type Wakes = {
  /** This session may be over. */
  readonly one: (owner: Owner, key: RecordKey) => void;
  /** Any session may be over. */
  readonly all: () => Promise<void>;
};

/** Shortest time between two looks at all sessions, where a store says no more than that something has changed. */
const restMs = 200;
/** Share of the time that such looks may take. */
const share = 0.25;

/**
 * Hears that sessions may be over. What it hears is only ever a reason to look: it may come late, twice or never. While the store
 * keeps saying that something has changed, looks at all sessions are spaced so that they cost little.
 */
export class EndWakes {
  readonly #engine: Engine;
  readonly #wakes: Wakes;
  #stop: (() => void) | undefined;
  #resting = false;
  #wanted = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(engine: Engine, wakes: Wakes) {
    this.#engine = engine;
    this.#wakes = wakes;
  }

  start(): void {
    this.#stop ??= this.#engine.ended.listen(
      ({ owner, kind, id }) => {
        if (kind === sessionKind) this.#wakes.one(owner, { kind, id });
      },
      () => this.#somethingChanged(),
    );
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
    clearTimeout(this.#timer);
    this.#resting = false;
    this.#wanted = false;
  }

  #somethingChanged(): void {
    this.#wanted = true;
    if (!this.#resting) void this.#lookAtAll();
  }

  /** Never rejects: looking does not. */
  async #lookAtAll(): Promise<void> {
    this.#resting = true;
    this.#wanted = false;
    const began = performance.now();
    await this.#wakes.all();
    if (this.#stop === undefined) return;
    const tookMs = performance.now() - began;
    this.#timer = setTimeout(
      () => {
        this.#resting = false;
        if (this.#wanted) void this.#lookAtAll();
      },
      Math.max(restMs, tookMs / share),
    ).unref();
  }
}
