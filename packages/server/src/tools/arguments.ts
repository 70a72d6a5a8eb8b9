/** Arguments that several tools share. The descriptions are what a model reads. */
import * as z from "zod";

import { workflow } from "../workflow/kind.ts";

const maxName = 128;

export const sessionId: z.ZodOptional<z.ZodString> = z
  .string()
  .describe(
    "Which session: the session_id from create_session or list_sessions. " +
      "May be left out on a connection that has a session of its own; needed otherwise.",
  )
  .optional();

export const idempotencyKey: z.ZodOptional<z.ZodString> = z
  .string()
  .min(1)
  .max(maxName)
  .describe("Any text of yours, the same when you repeat the call after a failure: it then counts once. Kept 24 hours.")
  .optional();

export const workflowId: z.ZodString = workflow.id;

export const agentId: z.ZodOptional<z.ZodString> = z
  .string()
  .min(1)
  .max(maxName)
  .describe("Who you are among the agents of this workflow; kept with what you do.")
  .optional();

export const expectedPosition: z.ZodOptional<z.ZodInt> = z
  .int()
  .min(0)
  .describe("The position of the state you decided on. If anything has happened since, nothing is changed: conflict.")
  .optional();

/** A name or key: 1 to 128 characters. */
export function nameOf(description: string): z.ZodString {
  return z.string().min(1).max(maxName).describe(description);
}

/** Any JSON; null is a value, leaving it out is not. */
export function anyJson(description: string): z.ZodUnknown {
  return z.unknown().describe(description);
}
