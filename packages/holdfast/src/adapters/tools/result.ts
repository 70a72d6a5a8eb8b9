import { reply as replyOfServe } from "../../mcp/reply.ts";

/** A tool's result as every host takes it: one text, and for clients the same as a structure where it is an object. */
export type TextResult = {
  content: { type: "text"; text: string }[];
  /** For clients. Hosts differ in what they call it, so to their types it is nothing. */
  structuredContent?: never;
  isError?: boolean;
};

/**
 * As `reply` of `holdfast`, in the types of hosts other than the SDK's second major: what a promise comes to, as JSON text and
 * as structured content. Rejects as the promise does.
 *
 * @example
 * const tool = statefulTools(hold, { principal: ({ authInfo }: { authInfo?: TokenInfo }) => principalOfToken(authInfo) });
 * server.registerTool("create_basket", { inputSchema: {} }, tool("create_basket", (_args, { state }) => reply(state.basket.create())));
 */
export async function reply(value: unknown): Promise<TextResult> {
  // It makes no content but text, and nothing structured but objects.
  return (await replyOfServe(value)) as unknown as TextResult;
}
