import { inputRequired, inputResponse } from "@modelcontextprotocol/server";
import { HoldfastError } from "holdfast";
import * as z from "zod";

import { sessionId } from "./arguments.ts";
import { sessionOf, type Tool, tool } from "./define.ts";
import { forgetSensitive } from "./sensitive-data.ts";

const question = "confirm";
/** Agreeing to the question is the answer; a box that was unticked takes it back. */
const Confirmation = z.object({ confirm: z.boolean().default(true).describe("Whether to clear the session.") });

export const clearSession: Tool = tool({
  name: "clear_session",
  title: "Clear a session",
  description:
    "Empties a session after asking the user to confirm: its actions, tool calls, data, preferences and counters are gone for good; " +
    "its label, metadata and session_id stay. `cleared` is false if the user declined.",
  inputSchema: z.strictObject({ session_id: sessionId }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  run: async (args, caller) => {
    const session = sessionOf(args, caller);
    const { answers, signal } = caller;
    if (answers?.[question] === undefined) {
      // Nobody is asked about what is not there.
      const { value, totalEvents } = await session.view({ signal });
      if (!caller.canAskUser()) throw cannotAsk();
      const message = questionAbout(value.label ?? session.id, totalEvents, Object.keys(value.data).length);
      return inputRequired({
        inputRequests: { [question]: inputRequired.elicit({ message, requestedSchema: Confirmation }) },
      });
    }
    const answer = inputResponse(answers, question);
    const agreed = answer.kind === "elicit" && answer.action === "accept";
    const cleared = agreed && Confirmation.safeParse(answer.content ?? {}).data?.confirm === true;
    if (cleared) {
      await session.clear({ signal });
      await forgetSensitive(session, caller);
    }
    return { session_id: session.id, cleared };
  },
});

function questionAbout(name: string, actions: number, keys: number): string {
  return `Clear the session "${name}"? ${actions} actions, ${keys} data keys, all preferences, counters and recorded tool calls will be deleted for good.`;
}

function cannotAsk(): HoldfastError {
  return new HoldfastError(
    "INVALID_ARGUMENT",
    "clear_session asks the user to confirm, which this client cannot do (it has no elicitation). " +
      "Use a client that can, or end_session and create_session.",
  );
}
