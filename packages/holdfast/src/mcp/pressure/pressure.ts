/**
 * What a node does as its memory fills up, so that it never dies of what could be got again:
 *
 *     calm ──70 %──▶ warned ──80 %──▶ shedding: caches · a quarter of the idle instances, four times · no new sessions
 *
 * One step a second, each only if it is still 80 % then; from 85 % on all that are left at once, for a second may be too
 * long. What holds goes on to hold until there are five points less than it began at, so that a node does not swing
 * between two answers; as long as new sessions are refused, so long goes what is idle. The state of a session is in the
 * store, and none of this touches it: a session whose instance went is taken up again by its next request.
 */
import { type MemoryGauge, type MemoryReading, shareOf } from "./memory-gauge.ts";

export type PressureStep = "caches" | "instances" | "new_sessions";

/** What an operator is told, once for each time something begins or is over. */
export type PressureReport = MemoryReading & { readonly change: "high" | "shedding" | "refusing" | "eased" };

export type MemoryPressureInit = {
  readonly gauge: MemoryGauge;
  /** Drops what is only kept to be faster. */
  readonly shedCaches: () => void;
  /** How many instances nobody uses. */
  readonly idleInstances: () => number;
  /** Closes so many of them, the ones used longest ago first. Says how many there were. */
  readonly shedInstances: (count: number) => number;
  readonly onShed: (step: PressureStep, count: number) => void;
  readonly report: (report: PressureReport) => void;
  readonly onError: (error: unknown) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
};

const warnAt = 0.7;
const shedAt = 0.8;
const urgentAt = 0.85;
const slack = 0.05;
const quarters = 4;
const everyMs = 250;
const stepMs = 1_000;
/** Whoever asks whether there is room for one more is answered by a reading at most this old: many may come at once. */
const freshMs = 10;

export class MemoryPressure implements Disposable {
  readonly #init: MemoryPressureInit;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #warned = false;
  /** Steps taken since shedding began; undefined while there is none. */
  #steps: number | undefined;
  #steppedAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** A quarter of those that were idle when their turn came. */
  #quarter = 0;
  #refusing = false;
  #reading: MemoryReading;

  constructor(init: MemoryPressureInit) {
    this.#init = init;
    this.#now = init.now ?? (() => performance.now());
    this.#reading = init.gauge.read();
    this.#timer = setInterval(() => {
      try {
        this.look();
      } catch (error) {
        init.onError(error);
      }
    }, everyMs).unref();
  }

  /** Whether new sessions have to be refused. Looks, unless somebody just did. */
  refuses(): boolean {
    if (this.#now() - this.#lookedAt > freshMs) this.look();
    return this.#refusing;
  }

  /** How full memory was when it was last looked at: 1 is its limit. */
  get share(): number {
    return shareOf(this.#reading);
  }

  /** Looks once, and takes the steps that are due. */
  look(): void {
    this.#lookedAt = this.#now();
    this.#reading = this.#init.gauge.read();
    const { share } = this;
    if (this.#steps !== undefined && share < shedAt - slack) {
      this.#steps = undefined;
      this.#refusing = false;
    }
    if (this.#warned && this.#steps === undefined && share < warnAt - slack) {
      this.#warned = false;
      this.#tell("eased");
    }
    if (!this.#warned && share >= warnAt) {
      this.#warned = true;
      this.#tell("high");
    }
    // Between the two lines nobody new comes, so nothing but this would ever make room again.
    if (share < shedAt && !this.#refusing) return;
    if (share < urgentAt && this.#lookedAt - this.#steppedAt < stepMs) return;
    this.#steppedAt = this.#lookedAt;
    do this.#step();
    while (share >= urgentAt && !this.#refusing);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#init.gauge[Symbol.dispose]();
  }

  #step(): void {
    const taken = this.#steps ?? 0;
    this.#steps = taken + 1;
    if (taken === 0) {
      this.#tell("shedding");
      return this.#shedCaches();
    }
    if (taken === 1) this.#quarter = Math.ceil(this.#init.idleInstances() / quarters);
    if (taken <= quarters) return this.#shedInstances(this.#quarter);
    if (!this.#refusing) {
      this.#refusing = true;
      this.#tell("refusing");
      return this.#init.onShed("new_sessions", 1);
    }
    // Caches fill again, and sessions become idle, while what is left is used.
    this.#shedCaches();
    this.#shedInstances(Math.ceil(this.#init.idleInstances() / quarters));
  }

  #shedCaches(): void {
    this.#init.shedCaches();
    this.#init.onShed("caches", 1);
  }

  #shedInstances(count: number): void {
    const closed = this.#init.shedInstances(count);
    if (closed > 0) this.#init.onShed("instances", closed);
  }

  #tell(change: PressureReport["change"]): void {
    this.#init.report({ change, ...this.#reading });
  }
}
