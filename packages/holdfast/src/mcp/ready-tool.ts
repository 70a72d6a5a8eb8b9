/** Registering tools whose schemas are made while the program runs. */
import type {
  CallToolResult,
  McpServer,
  StandardSchemaWithJSON,
  ToolAnnotations,
  ToolCallback,
} from "@modelcontextprotocol/server";
import * as z from "zod";

import { exactlyOnce } from "./tools/exactly-once.ts";

/** What a tool does, as clients are told. */
export const reading: ToolAnnotations = { readOnlyHint: true, idempotentHint: true };
/** Makes what it answers with on first use. */
export const opening: ToolAnnotations = { readOnlyHint: false, destructiveHint: false, idempotentHint: true };
export const adding: ToolAnnotations = { readOnlyHint: false, destructiveHint: false };
export const destroying: ToolAnnotations = { readOnlyHint: false, destructiveHint: true, idempotentHint: true };

/** What tools that change something take, so that a call whose answer was lost can be repeated. */
export const repeatable: { readonly idempotency_key: z.ZodOptional<z.ZodString> } = {
  idempotency_key: z
    .string()
    .min(1)
    .max(128)
    .describe("Any text of your own. If no answer comes, call again with the same key: it counts once.")
    .optional(),
};

/** What tools that list take. */
export const paging: {
  readonly after: z.ZodOptional<z.ZodString>;
  readonly limit: z.ZodDefault<z.ZodInt>;
} = {
  after: z.string().max(512).describe("The `next` of the page before.").optional(),
  limit: z.int().min(1).max(100).default(20),
};

/** The name of a record that is found by name. */
export function nameSchema(words: string): z.ZodString {
  return z.string().min(1).max(128).describe(`The name of the ${words}.`);
}

/** A tool whose input has an `idempotency_key` is one whose calls count once. */
export function register<Schema extends StandardSchemaWithJSON>(
  server: McpServer,
  name: string,
  description: string,
  annotations: ToolAnnotations,
  inputSchema: Schema,
  callback: (input: StandardSchemaWithJSON.InferOutput<Schema>) => Promise<CallToolResult>,
): void {
  // With the schema's type left open the SDK cannot see that its callback takes what the schema returns.
  const typed = callback as unknown as ToolCallback<Schema>;
  const config = { description, annotations, inputSchema };
  const counted = annotations.readOnlyHint !== true && annotations !== opening;
  server.registerTool<StandardSchemaWithJSON, Schema>(name, counted ? exactlyOnce(config) : config, typed);
}
