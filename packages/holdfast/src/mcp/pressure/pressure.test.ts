import { afterEach, describe, expect, it } from "vitest";

import { type HeapFigures, type MemoryReading, oldLimit, readingOf, shareOf, watchMemory } from "./memory-gauge.ts";
import { MemoryPressure } from "./pressure.ts";

const opened: MemoryPressure[] = [];

afterEach(() => {
  for (const pressure of opened.splice(0)) pressure[Symbol.dispose]();
});

/** A node with instances nobody uses, whose memory is as full as the test says. Looks only when it is told to. */
class Node {
  readonly seen: string[] = [];
  idle: number;
  now = 0;
  readonly #pressure: MemoryPressure;
  #share = 0;

  constructor(idle: number) {
    this.idle = idle;
    this.#pressure = new MemoryPressure({
      gauge: {
        read: (): MemoryReading => ({ usedBytes: this.#share * 1_000, limitBytes: 1_000 }),
        [Symbol.dispose]: () => undefined,
      },
      shedCaches: () => this.seen.push("caches"),
      idleInstances: () => this.idle,
      shedInstances: (count) => {
        const closed = Math.min(count, this.idle);
        this.idle -= closed;
        if (closed > 0) this.seen.push(`${closed} instances`);
        return closed;
      },
      onShed: (step, count) => {
        if (step === "new_sessions") this.seen.push(`${step} ${count}`);
      },
      report: ({ change }) => this.seen.push(change),
      onError: (error) => {
        throw error;
      },
      now: () => this.now,
    });
    opened.push(this.#pressure);
  }

  get refusing(): boolean {
    return this.#pressure.refuses();
  }

  /** What happened at each of these looks, a second apart. */
  at(...shares: readonly number[]): readonly (readonly string[])[] {
    return shares.map((share) => {
      this.#share = share;
      this.now += 1_000;
      this.#pressure.look();
      return this.seen.splice(0);
    });
  }
}

describe("as memory fills up", () => {
  it("nothing happens below 70 %, and a warning is given once from there on", () => {
    expect(new Node(8).at(0.3, 0.69, 0.7, 0.75, 0.79)).toEqual([[], [], ["high"], [], []]);
  });

  it("caches go first, then a quarter of the idle four times, then new sessions are refused", () => {
    const node = new Node(10);
    expect(node.at(0.8, 0.8, 0.83, 0.84, 0.8)).toEqual([
      ["high", "shedding", "caches"],
      ["3 instances"],
      ["3 instances"],
      ["3 instances"],
      ["1 instances"],
    ]);
    expect(node.refusing).toBe(false);
    expect(node.at(0.8)).toEqual([["refusing", "new_sessions 1"]]);
    expect(node.refusing).toBe(true);
  });

  it("each step is taken only while there is still too little room, and goes on from where it was", () => {
    const node = new Node(8);
    expect(node.at(0.8, 0.79, 0.76, 0.8, 0.79, 0.8)).toEqual([
      ["high", "shedding", "caches"],
      [],
      [],
      ["2 instances"],
      [],
      ["2 instances"],
    ]);
    expect(node.idle).toBe(4);
  });

  it("a second passes between two steps, however often somebody looks", () => {
    const node = new Node(8);
    node.at(0.8);
    node.now += 999;
    expect(node.refusing).toBe(false);
    expect(node.seen).toEqual([]);
    node.now += 11;
    expect(node.refusing).toBe(false);
    expect(node.seen).toEqual(["2 instances"]);
  });

  it("all steps are taken at once, in their order, where a second may be too long", () => {
    const node = new Node(8);
    node.at(0.8, 0.82);
    expect(node.at(0.85)).toEqual([["2 instances", "2 instances", "2 instances", "refusing", "new_sessions 1"]]);
    expect(new Node(3).at(0.95)).toEqual([
      ["high", "shedding", "caches", "1 instances", "1 instances", "1 instances", "refusing", "new_sessions 1"],
    ]);
  });

  it("what was begun holds until there are five points less than it began at", () => {
    const node = new Node(0);
    node.at(0.8, 0.8, 0.8, 0.8, 0.8, 0.8);
    expect(node.refusing).toBe(true);
    expect(node.at(0.79, 0.76)).toEqual([["caches"], ["caches"]]);
    expect(node.refusing).toBe(true);
    expect(node.at(0.74)).toEqual([[]]);
    expect(node.refusing).toBe(false);
    // The warning stands a while longer, and what comes next begins anew.
    expect(node.at(0.66, 0.8, 0.64, 0.66, 0.7)).toEqual([[], ["shedding", "caches"], ["eased"], [], ["high"]]);
  });

  it("what fills again while sessions are refused goes again, until they are taken again", () => {
    const node = new Node(0);
    node.at(0.8, 0.8, 0.8, 0.8, 0.8, 0.8);
    node.idle = 5;
    expect(node.at(0.82, 0.79, 0.76, 0.74, 0.79)).toEqual([
      ["caches", "2 instances"],
      ["caches", "1 instances"],
      ["caches", "1 instances"],
      [],
      [],
    ]);
  });
});

describe("a reading", () => {
  const figures = (oldBytes: number, totalBytes = oldBytes): HeapFigures => ({
    oldBytes,
    oldLimitBytes: 100,
    totalBytes,
  });
  const share = (now: HeapFigures, kept: HeapFigures | undefined, total: number): number =>
    Math.round(shareOf(readingOf(now, kept, total)) * 100);

  it("takes a tenth of the limit for garbage, unless a whole collection has shown what is needed", () => {
    expect(share(figures(75), undefined, Number.POSITIVE_INFINITY)).toBe(65);
    expect(share(figures(75), figures(30), Number.POSITIVE_INFINITY)).toBe(65);
    expect(share(figures(75), figures(72), Number.POSITIVE_INFINITY)).toBe(72);
    expect(share(figures(95), figures(30), Number.POSITIVE_INFINITY)).toBe(85);
  });

  it("is of the bound that is nearest: V8's own, or all that the process may have, buffers included", () => {
    expect(share(figures(50, 350), figures(50, 350), 1_000)).toBe(50);
    expect(share(figures(50, 350), figures(50, 350), 400)).toBe(88);
    expect(readingOf(figures(50, 350), undefined, 400)).toEqual({ usedBytes: 310, limitBytes: 400 });
  });

  it("of this process is something between nothing and everything", () => {
    using gauge = watchMemory(Number.POSITIVE_INFINITY);
    expect(shareOf(gauge.read())).toBeLessThan(1);
    using tight = watchMemory(1_000_000);
    expect(shareOf(tight.read())).toBeGreaterThan(1);
    expect(tight.read().limitBytes).toBe(1_000_000);
  });
});

describe("the limit of the old generation", () => {
  const mebi = 1024 ** 2;

  it("is what Node was told, else what is left of both beside three semi-spaces", () => {
    expect(oldLimit(112 * mebi, "--max-old-space-size=64", "20.19.0")).toBe(64 * mebi);
    expect(oldLimit(112 * mebi, "--max_old_space_size=32 --x --max-old-space-size=64", "20.19.0")).toBe(64 * mebi);
    expect(oldLimit(4_144 * mebi, "", "22.1.0")).toBe(4_096 * mebi);
    expect(oldLimit(4_288 * mebi, "--max-old-space-size=0", "24.1.0")).toBe(4_096 * mebi);
    expect(oldLimit(1_036 * mebi, "--max-semi-space-size=4", "24.1.0")).toBe(1_024 * mebi);
    expect(oldLimit(256 * mebi, "--max-heap-size=256", "24.1.0")).toBe(128 * mebi);
  });
});
