/** The state API in a server built on the SDK's first major, with its own transports. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { principalOfToken, reply, statefulTools, type TokenInfo } from "holdfast/adapters/tools";
import { race } from "holdfast/testing";
import { expect, it } from "vitest";
import { z } from "zod";

import { Basket, openTwoNodes, type Shop } from "./two-nodes.ts";

/** One process of the server, stateless as v1 knows it: a transport per request. */
function serveNode(hold: Shop): (request: Request, token: { sub: string }) => Promise<Response> {
  const tool = statefulTools(hold, {
    principal: ({ authInfo }: { authInfo?: TokenInfo }) => principalOfToken(authInfo),
  });
  return async (request, { sub }) => {
    const server = new McpServer({ name: "shop", version: "1" });
    server.registerTool(
      "create_basket",
      { inputSchema: {} },
      tool("create_basket", (_args, { state }) => reply(state.basket.create())),
    );
    server.registerTool(
      "add_item",
      { inputSchema: { basket: Basket.id, sku: z.string() } },
      tool("add_item", ({ basket, sku }, { state }) =>
        reply(
          state.basket.update(basket, (draft) => {
            draft.items.push(sku);
          }),
        ),
      ),
    );
    server.registerTool(
      "fail",
      { inputSchema: {} },
      tool("fail", (): Promise<{ content: [] }> => {
        throw new Error("of the host's own");
      }),
    );
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    const authInfo = { token: "t", clientId: "cli", scopes: [], extra: { iss: "https://id.example.com", sub } };
    return await transport.handleRequest(request, { authInfo });
  };
}

it("gives each caller their own state, on every process", async () => {
  await using nodes = await openTwoNodes();
  const servers = [serveNode(nodes.one), serveNode(nodes.other)];
  let next = 0;
  const connect = async (sub: string): Promise<Client> => {
    const client = new Client({ name: "client", version: "1" });
    const fetch = async (url: string | URL, init?: RequestInit): Promise<Response> => {
      next += 1;
      const serve = servers[next % 2];
      if (serve === undefined) throw new Error("there are two");
      return await serve(new Request(url, init), { sub });
    };
    await client.connect(new StreamableHTTPClientTransport(new URL("http://127.0.0.1/mcp"), { fetch }));
    return client;
  };
  const [alice, bob] = [await connect("alice"), await connect("bob")];

  const created = await alice.callTool({ name: "create_basket", arguments: {} });
  const { basket } = created.structuredContent as { basket: string };
  const add = (client: Client, sku: string): Promise<unknown> =>
    client.callTool({ name: "add_item", arguments: { basket, sku } });
  await race(20, (lane) => add(alice, `item ${lane}`));
  expect(await add(alice, "last")).toMatchObject({ structuredContent: { version: 22 } });

  // A stranger's handle leads nowhere, and the model is told what to do.
  expect(await add(bob, "mine")).toMatchObject({
    isError: true,
    structuredContent: { error: { code: "not_found", retryable: false } },
  });
  // What is not about state is the host's to answer.
  expect(await alice.callTool({ name: "fail", arguments: {} })).toEqual({
    isError: true,
    content: [{ type: "text", text: "of the host's own" }],
  });
  await Promise.all([alice.close(), bob.close()]);
});

it("knows nobody without a token", () => {
  expect(() => principalOfToken(undefined)).toThrow(expect.objectContaining({ code: "FORBIDDEN" }));
  expect(() => principalOfToken({ scopes: ["a"] })).toThrow(expect.objectContaining({ code: "FORBIDDEN" }));
  const token = { clientId: "cli", scopes: ["a"], extra: { sub: "alice" } };
  expect(principalOfToken(token, { issuer: "mine" })).toEqual({
    issuer: "mine",
    subject: "alice",
    clientId: "cli",
    scopes: ["a"],
  });
  // A token without a user is its client's.
  expect(principalOfToken({ clientId: "cli" })).toEqual({
    issuer: "token",
    subject: "cli",
    clientId: "cli",
    scopes: [],
  });
});
