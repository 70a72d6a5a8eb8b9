/** Registering tools whose schemas are made while the program runs. */
import type {
  CallToolResult,
  McpServer,
  StandardSchemaWithJSON,
  ToolAnnotations,
  ToolCallback,
} from "@modelcontextprotocol/server";

export const reading: ToolAnnotations = { readOnlyHint: true, idempotentHint: true };
export const destroying: ToolAnnotations = { readOnlyHint: false, destructiveHint: true, idempotentHint: true };

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
  server.registerTool<StandardSchemaWithJSON, Schema>(name, { description, annotations, inputSchema }, typed);
}
