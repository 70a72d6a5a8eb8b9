import { expect, it } from "vitest";

import { causeOf, closeAt, endOf, isClosed, isLive, livedMs, purgeAt } from "./expiry.ts";

it("takes a record for live until the moment it expires, and not from then on", () => {
  expect(isLive({ lifetime: {}, expiresAt: 100 }, 99)).toBe(true);
  expect(isLive({ lifetime: {}, expiresAt: 100 }, 100)).toBe(false);
  expect(isLive({ lifetime: {} }, Number.MAX_SAFE_INTEGER)).toBe(true);
  expect(isLive({ lifetime: {}, expiresAt: 100, endedAt: 5 }, 6)).toBe(false);
});

it("counts retention from the end, or from the expiry where nothing ended it", () => {
  expect(purgeAt({ lifetime: {} })).toBeUndefined();
  expect(purgeAt({ lifetime: { retainMs: 10 } })).toBeUndefined();
  expect(purgeAt({ lifetime: {}, expiresAt: 100 })).toBe(100);
  expect(purgeAt({ lifetime: { retainMs: 10 }, expiresAt: 100 })).toBe(110);
  expect(purgeAt({ lifetime: { retainMs: 10 }, expiresAt: 100, endedAt: 50 })).toBe(60);
  expect(purgeAt({ lifetime: {}, endedAt: 0 })).toBe(0);
});

it("counts a life to its end, or to the expiry where nothing ended it, and never below nothing", () => {
  expect(livedMs({ createdAt: 40, lifetime: {}, expiresAt: 100 })).toBe(60);
  expect(livedMs({ createdAt: 40, lifetime: {}, expiresAt: 100, endedAt: 70 })).toBe(30);
  expect(livedMs({ createdAt: 40, lifetime: {} })).toBe(0);
  expect(livedMs({ createdAt: 40, lifetime: {}, endedAt: 30 })).toBe(0);
});

it("what expired and is retained is closed at its expiry; an end that somebody made lies before", () => {
  const lifetime = { idleMs: 60, retainMs: 10 };
  const expired = { lifetime, expiresAt: 100 };
  const closed = { ...expired, endedAt: 100 };
  const ended = { ...expired, endedAt: 99 };
  expect([expired, closed, ended, { lifetime, endedAt: 99 }].map(causeOf)).toEqual([
    "expired",
    "expired",
    "ended",
    "ended",
  ]);
  expect([expired, closed, ended].map(isClosed)).toEqual([false, true, false]);
  expect([expired, closed, ended].map(endOf)).toEqual([undefined, undefined, 99]);
  expect([expired, closed, ended, { lifetime }, { ...expired, lifetime: { idleMs: 60 } }].map(closeAt)).toEqual([
    100,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect([expired, closed].map(purgeAt)).toEqual([110, 110]);
});
