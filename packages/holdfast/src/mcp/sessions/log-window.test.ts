import { describe, expect, test } from "vitest";

import { LogWindow } from "./log-window.ts";

const kibi = "x".repeat(1_024);

/** A log of which a window sees what it wrote itself, and others write too. */
function logOf(init: { readonly maxEvents: number; readonly maxBytes: number }) {
  const entries: string[] = [];
  let first = 1;
  let looked = 0;
  const window = new LogWindow({
    ...init,
    readNewest: async ({ after = 0, upTo = entries.length }) => {
      const found = entries.map((data, index) => ({ position: index + 1, data }));
      const page = found
        .filter(({ position }) => position >= Math.max(first, after + 1) && position <= upTo)
        .slice(-10);
      looked += page.length;
      return page.reverse();
    },
  });
  const trim = (keep: number): void => void (first = Math.max(first, entries.length - keep + 1));
  return {
    looked: () => looked,
    kept: () => entries.slice(first - 1),
    others: (...data: string[]) => {
      entries.push(...data);
      trim(init.maxEvents);
    },
    async append(...data: string[]) {
      const keep = await window.keepWith(data);
      entries.push(...data);
      window.appended(data, entries.length);
      trim(keep);
    },
  };
}

const bytesOf = (data: readonly string[]): number => data.reduce((sum, { length }) => sum + length, 0);

describe("a log that is kept by bytes", () => {
  test("keeps everything small that fits beside a large entry", async () => {
    const log = logOf({ maxEvents: 100, maxBytes: 10 * 1_024 });
    for (let i = 0; i < 50; i += 1) await log.append(`small ${i}`);
    await log.append(kibi.repeat(9));
    expect(log.kept()).toHaveLength(51);
    expect(log.looked()).toBe(0);
  });

  test("lets go of what is older than fits, and keeps four however large they are", async () => {
    const log = logOf({ maxEvents: 100, maxBytes: 10 * 1_024 });
    for (let i = 0; i < 30; i += 1) await log.append(kibi);
    expect(bytesOf(log.kept())).toBe(10 * 1_024);
    for (let i = 0; i < 10; i += 1) await log.append(kibi.repeat(20));
    expect(log.kept()).toHaveLength(4);
  });

  test("counts what others wrote, and looks at each of those once", async () => {
    const log = logOf({ maxEvents: 100, maxBytes: 20 * 1_024 });
    await log.append(kibi);
    log.others(...Array.from({ length: 8 }, () => kibi));
    await log.append(kibi.repeat(2));
    expect(log.kept()).toHaveLength(10);
    await log.append(kibi.repeat(2));
    expect(log.looked()).toBe(8);
    log.others(kibi.repeat(15));
    await log.append(kibi);
    expect(bytesOf(log.kept())).toBeLessThanOrEqual(20 * 1_024);
    expect(log.kept().length).toBeGreaterThan(2);
  });

  test("stays within its bounds whenever something large has come", async () => {
    const log = logOf({ maxEvents: 20, maxBytes: 8 * 1_024 });
    for (let i = 0; i < 400; i += 1) {
      const size = [10, 300, 900, 2_000, 5_000][(i * 7 + Math.floor(i / 5)) % 5] ?? 10;
      const entry = "x".repeat(size);
      if (i % 3 === 0) log.others(entry);
      else await log.append(entry);
      const kept = log.kept();
      expect(kept.length).toBeLessThanOrEqual(20);
      if (i % 3 > 0 && size > 500 && kept.length > 4) expect(bytesOf(kept)).toBeLessThanOrEqual(8 * 1_024);
    }
  });
});
