import { isHoldfastError, type Lock } from "holdfast";
import * as z from "zod";

import { nameOf } from "./arguments.ts";
import { type Caller, type Tool, tool } from "./define.ts";
import { isoTime } from "./time.ts";

const name = nameOf("The lock's name. Your locks are yours alone: nobody else's of the same name stand in their way.");
const token = z.int().min(1).describe("The token that acquire_lock returned.");
const ttl = z
  .int()
  .min(1_000)
  .max(300_000)
  .default(30_000)
  .describe("Milliseconds until the lock ends by itself, unless it is renewed.");

export const acquireLock: Tool = tool({
  name: "acquire_lock",
  title: "Acquire a lock",
  description:
    "Takes a lock, so that nobody else of yours who asks for it gets it until it is released or its time is over. " +
    "acquired: false means that somebody holds it. Keep the token: release_lock and renew_lock need it. " +
    "Not re-entrant: who holds it and asks again does not get it.",
  inputSchema: z.strictObject({
    name,
    ttl_ms: ttl,
    wait_ms: z
      .int()
      .min(0)
      .max(60_000)
      .default(0)
      .describe("Milliseconds to wait while somebody holds it; 0 answers at once."),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  run: async (args, { state, signal }) => {
    try {
      const lock = await state.lock(args.name, { ttlMs: args.ttl_ms, waitMs: args.wait_ms, signal });
      return { name: args.name, acquired: true, token: lock.token, ...expiry(lock) };
    } catch (error) {
      if (isHoldfastError(error, "CONTENTION")) return { name: args.name, acquired: false };
      throw error;
    }
  },
});

export const renewLock: Tool = tool({
  name: "renew_lock",
  title: "Renew a lock",
  description:
    "Starts the time of a lock you hold anew. renewed: false means that you do not hold it any more: stop what you do under it.",
  inputSchema: z.strictObject({ name, token, ttl_ms: ttl }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const lock = held(args, caller);
    const renewed = await lock.renew({ ttlMs: args.ttl_ms, signal: caller.signal });
    return { name: args.name, renewed, ...(renewed && expiry(lock)) };
  },
});

export const releaseLock: Tool = tool({
  name: "release_lock",
  title: "Release a lock",
  description: "Gives back a lock you hold. released: false means that you did not hold it any more.",
  inputSchema: z.strictObject({ name, token }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const released = await held(args, caller).release({ signal: caller.signal });
    return { name: args.name, released };
  },
});

function held(lock: { readonly name: string; readonly token: number }, { state }: Caller): Lock {
  return state.heldLock(lock);
}

function expiry({ expiresAt }: Lock): { readonly expires_at: string | null } {
  return { expires_at: isoTime(expiresAt) };
}
