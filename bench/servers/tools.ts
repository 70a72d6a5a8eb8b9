/** Twelve tools with hoisted schemas: a counter, and eleven that make a list of ordinary length. */
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

/** `session` is a handle, for servers of stateless requests that need one to know whose counter it is. */
export const CounterInput = z.object({
  counter: z.string().min(1).max(128),
  by: z.number().int().default(1),
  session: z.string().max(128).optional(),
});
export type CounterCall = { readonly counter: string; readonly by: number; readonly session?: string | undefined };
export type Answer = {
  content: { type: "text"; text: string }[];
  structuredContent: Record<string, unknown>;
};

export const otherTools = Array.from({ length: 11 }, (_, index) => ({
  name: `tool_${index}`,
  description: `Tool tool_${index}.`,
  schema: z.object({
    id: z.string().describe("The handle"),
    note: z.string().max(200).optional(),
    count: z.number().int().min(0).max(100).default(index),
    flags: z.array(z.enum(["red", "green", "blue"])).optional(),
  }),
}));

export const countTool = { name: "count", description: "Adds to a counter.", schema: CounterInput };

/** Adds to a counter and says where it stands. */
export type Count = (call: CounterCall) => number | Promise<number>;

export function registerTools(server: McpServer, count: Count): void {
  const { name, description, schema: inputSchema } = countTool;
  server.registerTool(name, { description, inputSchema }, (input) => counted(count, input));
  for (const { name, description, schema: inputSchema } of otherTools) {
    server.registerTool(name, { description, inputSchema }, (input) => answer(input));
  }
}

/** What the tool `count` answers, on whatever server. */
export async function counted(count: Count, input: CounterCall): Promise<Answer> {
  return answer({ counter: input.counter, value: await count(input) });
}

export function answer(value: object): Answer {
  return { content: [{ type: "text", text: JSON.stringify(value) }], structuredContent: { ...value } };
}
