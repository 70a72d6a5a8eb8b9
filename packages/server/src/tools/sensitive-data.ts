import { HoldfastError, type Session } from "holdfast";
import * as z from "zod";

import { nameOf, sessionId } from "./arguments.ts";
import { type Caller, sessionOf, type Tool, tool } from "./define.ts";

const key = nameOf("The key, case-sensitive.");

export const storeSensitiveData: Tool = tool({
  name: "store_sensitive_data",
  title: "Store sensitive data",
  description:
    "Stores a text that nobody else may see, such as a token, under a key of the session, replacing what was there. " +
    "It is sealed where it is stored and left out of what the session remembers of its tool calls. retrieve_sensitive_data reads it back.",
  inputSchema: z.strictObject({ session_id: sessionId, key, value: z.string().describe("The text to keep.") }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = await liveSession(args, caller);
    await vaultOf(session, caller).update(
      ({ entries }) => ({ entries: [...entries.filter(([name]) => name !== args.key), [args.key, args.value]] }),
      { signal: caller.signal },
    );
    return { session_id: session.id, key: args.key, stored: true };
  },
});

export const retrieveSensitiveData: Tool = tool({
  name: "retrieve_sensitive_data",
  title: "Retrieve sensitive data",
  description: "Reads the text that store_sensitive_data keeps under a key of the session.",
  inputSchema: z.strictObject({ session_id: sessionId, key }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = await liveSession(args, caller);
    const { value } = await vaultOf(session, caller).get({ signal: caller.signal });
    const found = value.entries.find(([name]) => name === args.key);
    if (found === undefined) {
      throw new HoldfastError("NOT_FOUND", "The session has nothing sensitive under that key.");
    }
    return { session_id: session.id, key: args.key, value: found[1] };
  },
});

/** The session, once it is known to be the caller's and live: nothing is kept for any other. */
async function liveSession(args: { readonly session_id?: string | undefined }, caller: Caller): Promise<Session> {
  if (!caller.node.hasSealingKeys) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      "This server has no keys to seal sensitive data with; its operator has to give it some (--seal-keys).",
    );
  }
  const session = sessionOf(args, caller);
  await session.view({ signal: caller.signal });
  return session;
}

function vaultOf({ id }: Session, { state }: Caller): ReturnType<Caller["state"]["vault"]["open"]> {
  return state.vault.open(id);
}

/** What was sensitive goes with the rest of its session. */
export async function forgetSensitive(session: Session, caller: Caller): Promise<void> {
  await vaultOf(session, caller).destroy({ signal: caller.signal });
}
