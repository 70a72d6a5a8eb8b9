import type { Session } from "holdfast";
import * as z from "zod";

import { anyJson, idempotencyKey, nameOf, sessionId } from "./arguments.ts";
import { type Structured, sessionOf, type Tool, tool } from "./define.ts";
import { isoTime } from "./time.ts";

export const recordAction: Tool = tool({
  name: "record_action",
  title: "Record an action",
  description:
    "Appends an action to the session's log. get_context shows the newest ones, in order, to whoever goes on with the session.",
  inputSchema: z.strictObject({
    session_id: sessionId,
    action: nameOf("What was done, as a short name: searched, order_placed."),
    details: anyJson("What belongs to it: any JSON.").optional(),
    idempotency_key: idempotencyKey,
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    const { action, details = null, idempotency_key: key } = args;
    const intent = { action, details };
    const recorded = await session.record(action, details, {
      signal: caller.signal,
      ...(key !== undefined && { idempotency: { key, intent } }),
    });
    return { session_id: session.id, position: recorded.position, total_events: recorded.totalEvents };
  },
});

export const getContext: Tool = tool({
  name: "get_context",
  title: "Get a session's context",
  description:
    "Everything needed to go on with a session: its label, metadata, preferences, counters, newest actions and newest tool calls, " +
    "the latter two oldest first. Start here when you come back to a session.",
  inputSchema: z.strictObject({
    session_id: sessionId,
    max_turns: z
      .int()
      .min(1)
      .max(50)
      .default(10)
      .describe("How many of the newest actions, and of the newest tool calls."),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  run: async (args, caller) => {
    return await contextOf(sessionOf(args, caller), args.max_turns, caller.signal);
  },
});

/** A session as get_context and its resource show it, with the newest `count` actions and tool calls. */
export async function contextOf(session: Session, count: number, signal: AbortSignal): Promise<Structured> {
  const { view, events, turns } = await session.context({ maxEvents: count, maxTurns: count, signal });
  return {
    session_id: session.id,
    label: view.value.label ?? null,
    total_events: view.totalEvents,
    metadata: view.value.metadata ?? null,
    preferences: view.value.preferences,
    // fromEntries defines properties, so that a counter called __proto__ is one like any other.
    counters: Object.fromEntries(view.counters),
    recent_events: events.map(({ position, type, payload, at }) => ({ position, type, payload, at: isoTime(at) })),
    recent_turns: turns.map((turn) => ({
      tool: turn.tool,
      input: turn.input,
      output_preview: turn.outputPreview,
      at: isoTime(turn.at),
      duration_ms: turn.durationMs,
      ok: turn.ok,
    })),
  };
}

export const setPreference: Tool = tool({
  name: "set_preference",
  title: "Set a preference",
  description:
    "Remembers a preference of the user for the session, such as language or units, and returns all of them.",
  inputSchema: z.strictObject({
    session_id: sessionId,
    key: nameOf("The preference's name."),
    value: anyJson("Any JSON; replaces what was there."),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    const { version, value } = await session.setPreference(args.key, args.value, { signal: caller.signal });
    return { session_id: session.id, version, preferences: value.preferences };
  },
});

export const incrementCounter: Tool = tool({
  name: "increment_counter",
  title: "Increment a counter",
  description:
    "Adds to a named counter of the session and returns its new value. Counters begin at 0, and calls at the same time all count.",
  inputSchema: z.strictObject({
    session_id: sessionId,
    name: nameOf("The counter's name."),
    by: z.int().default(1).describe("What to add; negative numbers subtract."),
    idempotency_key: idempotencyKey,
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    const { name, by, idempotency_key: key } = args;
    const { value } = await session.increment(name, by, {
      signal: caller.signal,
      ...(key !== undefined && { idempotency: { key, intent: { name, by } } }),
    });
    return { session_id: session.id, name, value };
  },
});
