import fc from "fast-check";
import { expect, test } from "vitest";

import { filled, msUntil, type TokenBucket } from "./token-bucket.ts";

test("a bucket is full at first, and full again after a minute", () => {
  expect(filled(undefined, 60, 5)).toEqual({ tokens: 60, at: 5 });
  expect(filled({ tokens: 0, at: 0 }, 60, 30_000).tokens).toBe(30);
  expect(filled({ tokens: 0, at: 0 }, 60, 120_000).tokens).toBe(60);
});

test("it says when there is one more", () => {
  expect(msUntil({ tokens: 0, at: 0 }, 60, 1)).toBe(1_000);
  expect(msUntil({ tokens: 0.5, at: 0 }, 60, 1)).toBe(500);
  expect(msUntil({ tokens: 3, at: 0 }, 60, 1)).toBe(0);
  expect(msUntil({ tokens: 0, at: 0 }, 60, 1_000)).toBe(60_000);
});

test("however it is spent, no minute sees more than two minutes' calls, and a clock that goes back gives nothing", () => {
  const steps = fc.array(fc.record({ ms: fc.integer({ min: -5_000, max: 5_000 }), wanted: fc.nat(30) }));
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 100 }), (given, perMinute) => {
      let now = 0;
      let first: number | undefined;
      let latest = Number.NEGATIVE_INFINITY;
      let bucket: TokenBucket | undefined;
      let spent = 0;
      for (const { ms, wanted } of given) {
        now += ms;
        first ??= now;
        latest = Math.max(latest, now, first);
        const standing = filled(bucket, perMinute, now);
        const taken = Math.min(wanted, Math.floor(standing.tokens));
        spent += taken;
        bucket = { ...standing, tokens: standing.tokens - taken };
      }
      if (first === undefined) return true;
      return spent <= perMinute + ((latest - first) * perMinute) / 60_000 + 1e-6;
    }),
  );
});
