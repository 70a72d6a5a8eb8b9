import { HoldfastError } from "holdfast";
import * as z from "zod";

import { anyJson, nameOf, sessionId } from "./arguments.ts";
import { sessionOf, type Tool, tool } from "./define.ts";

const key = nameOf("The key, case-sensitive.");

export const setSessionData: Tool = tool({
  name: "set_session_data",
  title: "Set session data",
  description: "Stores a value under a key of the session, replacing what was there. get_session_data reads it back.",
  inputSchema: z.strictObject({ session_id: sessionId, key, value: anyJson("Any JSON, null included.") }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    const { version } = await session.set(args.key, args.value, { signal: caller.signal });
    return { session_id: session.id, key: args.key, value: args.value, version };
  },
});

export const getSessionData: Tool = tool({
  name: "get_session_data",
  title: "Get session data",
  description: "Reads the value that set_session_data stored under a key of the session.",
  inputSchema: z.strictObject({ session_id: sessionId, key }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    const found = await session.get(args.key, { signal: caller.signal });
    if (found === undefined) {
      throw new HoldfastError(
        "NOT_FOUND",
        "The session has nothing under that key. list_session_keys shows what it has.",
      );
    }
    return { session_id: session.id, key: args.key, value: found.value, version: found.version };
  },
});

export const deleteSessionData: Tool = tool({
  name: "delete_session_data",
  title: "Delete session data",
  description: "Removes a key of the session and its value. `deleted` says whether there was one.",
  inputSchema: z.strictObject({ session_id: sessionId, key }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    const deleted = await session.delete(args.key, { signal: caller.signal });
    return { session_id: session.id, key: args.key, deleted };
  },
});

export const listSessionKeys: Tool = tool({
  name: "list_session_keys",
  title: "List session keys",
  description: "The keys that set_session_data has stored in the session, sorted.",
  inputSchema: z.strictObject({ session_id: sessionId }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    return { session_id: session.id, keys: await session.keys({ signal: caller.signal }) };
  },
});
