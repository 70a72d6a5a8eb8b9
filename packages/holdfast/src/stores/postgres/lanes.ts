/**
 * Commits of this process to rows that other processes hold. Each such row has a lane for a while: what comes for it queues
 * there while one statement waits for the row, and is the next statement, so that a process stands in the row's line once
 * and with all it has. Without lanes whatever came meanwhile would try the row again, find it held, and stand in line with
 * little.
 */

export type LanesOptions<T> = {
  /** Sends items that wait for one row, in one statement. Tells their callers by itself; never rejects. */
  readonly wait: (items: readonly T[]) => Promise<void>;
  /** Takes items back whose row may be free again, to be tried without waiting like any other. */
  readonly again: (items: readonly T[]) => void;
  /** Most items that are sent at once. */
  readonly maxBatch: number;
};

type Lane<T> = { readonly queue: T[]; until: number; running: boolean };

/** How long a row counts as held by others after it was found so. */
const laneMs = 100;
/** A statement that waits for longer holds up no others: who knows when it gets the row. */
const patienceMs = 250;

export class Lanes<T> {
  readonly #options: LanesOptions<T>;
  readonly #lanes = new Map<string, Lane<T>>();

  constructor(options: LanesOptions<T>) {
    this.#options = options;
  }

  /** Items that wait for their turn. */
  get queued(): number {
    let queued = 0;
    for (const { queue } of this.#lanes.values()) queued += queue.length;
    return queued;
  }

  /** Whether no row has a lane, which is so in most processes most of the time. */
  get none(): boolean {
    return this.#lanes.size === 0;
  }

  /** Takes an item for a row that has a lane. False if it has none. */
  take(row: string, item: T): boolean {
    const lane = this.#lanes.get(row);
    if (lane === undefined) return false;
    if (!lane.running && performance.now() >= lane.until) {
      this.#lanes.delete(row);
      return false;
    }
    this.#push(row, lane, [item]);
    return true;
  }

  /** Takes items that found their row held by others. */
  open(row: string, items: readonly T[]): void {
    const now = performance.now();
    for (const [other, { running, until }] of this.#lanes) {
      if (!running && now >= until) this.#lanes.delete(other);
    }
    const lane = this.#lanes.get(row) ?? { queue: [], until: 0, running: false };
    lane.until = now + laneMs;
    this.#lanes.set(row, lane);
    this.#push(row, lane, items);
  }

  #push(row: string, lane: Lane<T>, items: readonly T[]): void {
    lane.queue.push(...items);
    if (lane.running) return;
    lane.running = true;
    void this.#run(row, lane);
  }

  async #run(row: string, lane: Lane<T>): Promise<void> {
    do {
      await atMost(this.#options.wait(lane.queue.splice(0, this.#options.maxBatch)), patienceMs);
      // Those who were answered together come back in this turn of the loop, and go together.
      await new Promise<void>((resolve) => setImmediate(resolve));
    } while (lane.queue.length > 0 && performance.now() < lane.until);
    lane.running = false;
    const rest = lane.queue.splice(0);
    if (rest.length === 0) return;
    this.#lanes.delete(row);
    this.#options.again(rest);
  }
}

/** Resolves when the work is done, or its time is over; the work goes on. */
async function atMost(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
