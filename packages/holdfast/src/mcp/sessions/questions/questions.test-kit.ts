/** Handlers that need input, and two nodes of one store to ask it at. */
import { acceptedContent, inputRequired, type McpServer } from "@modelcontextprotocol/server";
import { expect } from "vitest";
import { z } from "zod";

import type { Backing, TestClock } from "../../../../../../test/lib/backings.ts";
import { localUser, ownerOfPrincipal } from "../../../security/principal.ts";
import {
  call,
  eventually,
  initializeRequest,
  type Node,
  type NodeInit,
  type OpenStream,
  openHold,
  registerTools,
  startNode,
  type TestHold,
} from "../bridge.test-kit.ts";
import { callKind } from "../calls/call-record.ts";

const Sure = z.object({ sure: z.boolean() });
const Name = z.object({ name: z.string() });
const elicit = (message: string, requestedSchema: typeof Sure | typeof Name = Sure) =>
  inputRequired.elicit({ message, requestedSchema });
export const text = (said: string): { content: { type: "text"; text: string }[] } => ({
  content: [{ type: "text", text: said }],
});

/** How often each handler did its work. */
export const done: string[] = [];

function register(server: McpServer): void {
  server.registerTool("confirm", { inputSchema: z.object({ what: z.string() }) }, async ({ what }, ctx) => {
    const answers = ctx.mcpReq.inputResponses;
    if (answers === undefined) return inputRequired({ inputRequests: { ok: elicit(`${what}?`) } });
    done.push(what);
    return text(`${what}: ${JSON.stringify(acceptedContent(answers, "ok", Sure) ?? answers["ok"])}`);
  });
  server.registerTool("both", {}, async (ctx) => {
    const answers = ctx.mcpReq.inputResponses;
    if (answers === undefined) {
      return inputRequired({
        inputRequests: { first: elicit("first?"), second: elicit("second?"), __proto__x: inputRequired.listRoots() },
      });
    }
    done.push("both");
    return text(JSON.stringify(answers));
  });
  server.registerTool("wizard", {}, async (ctx) => {
    const answers = ctx.mcpReq.inputResponses;
    const state = ctx.mcpReq.requestState<string>();
    const name = acceptedContent(answers, "name", Name)?.name;
    if (state === undefined) return inputRequired({ inputRequests: { name: elicit("who?", Name) }, requestState: "1" });
    if (state === "1") {
      return inputRequired({ inputRequests: { name: elicit(`and after ${name}?`, Name) }, requestState: `2 ${name}` });
    }
    if (!state.startsWith("3")) return inputRequired({ requestState: `3 ${state} ${name}` });
    done.push("wizard");
    return text(state);
  });
  server.registerTool("never", {}, async () => inputRequired({ inputRequests: { ok: elicit("again?") } }));
  server.registerTool("model", {}, async () =>
    inputRequired({ inputRequests: { it: inputRequired.createMessage({ messages: [], maxTokens: 1 }) } }),
  );
  server.registerTool("speaking", {}, async (ctx) => {
    await ctx.mcpReq.notify({ method: "notifications/message", params: { level: "info", data: "at work" } });
    if (ctx.mcpReq.inputResponses === undefined) return inputRequired({ inputRequests: { ok: elicit("go on?") } });
    return text("spoken");
  });
  server.registerPrompt("greeting", {}, async (ctx) => {
    const name = acceptedContent(ctx.mcpReq.inputResponses, "name", Name)?.name;
    if (name === undefined) return inputRequired({ inputRequests: { name: elicit("whom?", Name) } });
    return { messages: [{ role: "user", content: { type: "text", text: `hello ${name}` } }] };
  });
  server.registerResource("secret", "test://secret", {}, async (uri, ctx) => {
    if (ctx.mcpReq.inputResponses === undefined) return inputRequired({ inputRequests: { ok: elicit("read?") } });
    return { contents: [{ uri: uri.href, text: "the secret" }] };
  });
}

export type Rpc = {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly message?: string; readonly requestId?: string; readonly data?: unknown };
  readonly result?: { readonly content?: readonly { readonly text: string }[]; readonly isError?: boolean };
  readonly error?: { readonly code: number; readonly message: string };
};

export const messagesOf = ({ events }: Pick<OpenStream, "events">): readonly Rpc[] =>
  events.filter(({ data }) => data !== "").map(({ data }) => JSON.parse(data) as Rpc);

export async function questionsOf(from: OpenStream, count = 1): Promise<readonly (Rpc & { readonly id: string })[]> {
  const asked = () => messagesOf(from).filter(({ id, method }) => id !== undefined && method !== undefined);
  await eventually(() => asked().length >= count, 15_000);
  // What has a method and an id is a question.
  return asked() as (Rpc & { readonly id: string })[];
}

export const accept = (id: string, content: object): object => ({
  jsonrpc: "2.0",
  id,
  result: { action: "accept", content },
});

/** Two nodes on one store, each with a door of its own to it as two processes would have, and more where wanted. */
export type Asking = AsyncDisposable & {
  readonly clock: TestClock;
  readonly pair: readonly [Node, Node];
  start(options?: NodeInit["options"]): Promise<Node>;
  /** As if the process were gone: it says and does nothing any more. */
  kill(node: Node): Promise<void>;
  session(capabilities?: object, protocolVersion?: string): Promise<Record<string, string>>;
  /** Calls that stream and are not over. */
  openCalls(): Promise<number>;
};

export async function startAsking(open: () => Promise<Backing>): Promise<Asking> {
  done.length = 0;
  const backing = await open();
  const holds: TestHold[] = [];
  const nodes: Node[] = [];
  const start = async (options: NodeInit["options"] = {}): Promise<Node> => {
    const hold = await openHold(await backing.open());
    const build: NodeInit["build"] = (server, context) => {
      registerTools(server, context);
      register(server);
    };
    const node = await startNode({ hold, build, options: { pollMs: 200, ...options } });
    holds.push(hold);
    nodes.push(node);
    return node;
  };
  const pair = [await start(), await start()] as const;
  return {
    clock: backing.clock,
    pair,
    start,
    kill: async (node) => {
      nodes.splice(nodes.indexOf(node), 1);
      await node.close();
    },
    session: async (capabilities = { elicitation: { form: {} }, roots: {} }, protocolVersion = "2025-11-25") => {
      const [a] = pair;
      const opened = await call(a, "POST", initializeRequest(protocolVersion, capabilities));
      const named = {
        "mcp-session-id": opened.header("mcp-session-id") ?? "",
        "mcp-protocol-version": protocolVersion,
      };
      await call(a, "POST", { jsonrpc: "2.0", method: "notifications/initialized" }, { headers: named });
      return named;
    },
    openCalls: async () => {
      const owner = ownerOfPrincipal(localUser);
      const page = await holds[0]?.store.list(owner, callKind, { limit: 100, order: "oldest" });
      return page?.records.length ?? 0;
    },
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes.splice(0)) {
        expect(node.endpoint.stats.callsInFlight).toBe(0);
        await node.close();
        expect(node.errors).toEqual([]);
      }
      for (const hold of holds.splice(0)) await hold.closeAll();
      await backing[Symbol.asyncDispose]();
    },
  };
}
