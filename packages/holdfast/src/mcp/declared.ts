/**
 * Lists that an author declares by `capabilities`. The SDK's constructor would register their handlers at once, before
 * anything could be put around them, so they are declared afterwards.
 */
import type { McpServer, McpServerOptions } from "@modelcontextprotocol/server";

type Capabilities = NonNullable<McpServerOptions["capabilities"]>;
export type Declared = Pick<Capabilities, "tools" | "resources" | "prompts">;

/** The options without what is declared later. */
export function declaredLater(options: McpServerOptions): {
  readonly early: McpServerOptions;
  readonly declared: Declared;
} {
  if (options.capabilities === undefined) return { early: options, declared: {} };
  const { tools, resources, prompts, ...capabilities } = options.capabilities;
  const declared = { ...(tools && { tools }), ...(resources && { resources }), ...(prompts && { prompts }) };
  return { early: { ...options, capabilities }, declared };
}

/** Has to be called before anything else is registered, and before the server is connected. */
export function declare(server: McpServer, declared: Declared): void {
  const { tools, resources, prompts } = declared;
  if (tools === undefined && resources === undefined && prompts === undefined) return;
  server.server.registerCapabilities(declared);
  // What is registered once leaves the handlers behind, so that a list of nothing is an empty list, and not unknown.
  if (tools !== undefined) server.registerTool(passing, {}, () => ({ content: [] })).remove();
  if (prompts !== undefined) server.registerPrompt(passing, {}, () => ({ messages: [] })).remove();
  if (resources !== undefined) server.registerResource(passing, "passing:", {}, () => ({ contents: [] })).remove();
}

const passing = "passing";
