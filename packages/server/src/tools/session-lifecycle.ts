import { notFound } from "holdfast";
import * as z from "zod";

import { anyJson, nameOf, sessionId } from "./arguments.ts";
import { sessionOf, type Tool, tool } from "./define.ts";
import { forgetSensitive } from "./sensitive-data.ts";
import { isoTime } from "./time.ts";

export const createSession: Tool = tool({
  name: "create_session",
  title: "Create a session",
  description:
    "Makes a new session and returns its session_id. A session keeps actions, data, preferences and counters for you across calls, " +
    "connections and restarts. Pass the session_id to the other tools. It ends after a time without use (see expires_at) or by end_session.",
  inputSchema: z.strictObject({
    label: nameOf("A short name by which you recognise the session in list_sessions.").optional(),
    metadata: anyJson("Anything worth keeping about the session as a whole.").optional(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  run: async ({ label, metadata }, { sessions, signal }) => {
    const created = await sessions.create({ label, metadata }, { signal });
    return {
      session_id: created.id,
      created_at: isoTime(created.createdAt),
      expires_at: isoTime(created.expiresAt),
    };
  },
});

export const listSessions: Tool = tool({
  name: "list_sessions",
  title: "List your sessions",
  description:
    "Your own sessions, newest first, a page at a time: pass the `next` of one page as `after` to get the following one.",
  inputSchema: z.strictObject({
    after: z.string().min(1).describe("The `next` of the page before.").optional(),
    limit: z.int().min(1).max(100).default(20).describe("Sessions per page."),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  run: async ({ after, limit }, { sessions, signal }) => {
    const page = await sessions.list({ limit, signal, ...(after !== undefined && { after }) });
    return {
      sessions: page.records.map((session) => ({
        session_id: session.id,
        label: session.label ?? null,
        created_at: isoTime(session.createdAt),
        last_activity: isoTime(session.touchedAt),
        expires_at: isoTime(session.expiresAt),
        total_events: session.totalEvents,
      })),
      ...(page.next !== undefined && { next: page.next }),
    };
  },
});

export const endSession: Tool = tool({
  name: "end_session",
  title: "End a session",
  description:
    "Ends a session and removes what it holds, for good. Ending the session of this connection ends the connection's session too: " +
    "the next request has to begin anew.",
  inputSchema: z.strictObject({ session_id: sessionId }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    if (!(await session.end({ signal: caller.signal }))) throw notFound();
    await forgetSensitive(session, caller);
    return { session_id: session.id, ended: true };
  },
});
