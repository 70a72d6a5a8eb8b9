/** Twelve tools with hoisted schemas: a counter, and eleven that make a list of ordinary length. */
import type { CallToolResult, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

const CounterInput = z.object({ counter: z.string().min(1).max(128), by: z.number().int().default(1) });

const otherInputs = Array.from({ length: 11 }, (_, index) => ({
  name: `tool_${index}`,
  schema: z.object({
    id: z.string().describe("The handle"),
    note: z.string().max(200).optional(),
    count: z.number().int().min(0).max(100).default(index),
    flags: z.array(z.enum(["red", "green", "blue"])).optional(),
  }),
}));

/** Adds to a counter and says where it stands. */
export type Count = (counter: string, by: number) => number | Promise<number>;

export function registerTools(server: McpServer, count: Count): void {
  server.registerTool(
    "count",
    { description: "Adds to a counter.", inputSchema: CounterInput },
    async ({ counter, by }) => answer({ counter, value: await count(counter, by) }),
  );
  for (const { name, schema } of otherInputs) {
    server.registerTool(name, { description: `Tool ${name}.`, inputSchema: schema }, (input) => answer({ ...input }));
  }
}

function answer(value: Record<string, unknown>): CallToolResult {
  return { content: [{ type: "text", text: JSON.stringify(value) }], structuredContent: value };
}
