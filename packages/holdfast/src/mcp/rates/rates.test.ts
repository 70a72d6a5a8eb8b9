import { expect, it } from "vitest";

import { ownerOf } from "../../record/ids.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import { type RateLimits, ratesOf } from "./rates.ts";

const owner = ownerOf({ issuer: "test", subject: "ann" });
const none = Number.POSITIVE_INFINITY;

it.each<[string, RateLimits, string]>([
  ["a principal", { maxCallsPerMinute: 10, maxCallsPerMinutePerConnection: none }, "principal_calls"],
  ["a connection", { maxCallsPerMinute: none, maxCallsPerMinutePerConnection: 10 }, "connection_calls"],
])(
  "a batch of more calls than %s has in a minute takes that minute, and is let through",
  async (_whose, limits, name) => {
    const told: string[] = [];
    const onError = (error: unknown): void => {
      throw error;
    };
    await using store = await memoryStore();
    const rates = ratesOf({ limits, store, onRefused: (limit) => told.push(limit), onError });
    // As the gate asks: for the request, and once its body is read for what more is in it.
    expect(await rates?.refuse(owner, "one", 1)).toBeUndefined();
    expect(await rates?.refuse(owner, "one", 24)).toBeUndefined();
    expect(await rates?.refuse(owner, "one", 1)).toMatchObject({ status: 429 });
    expect(told).toEqual([name]);
    await rates?.close();
  },
);
