/** Servers built with FastMCP for TypeScript: the state API in their tools, and their OAuth proxy's storage. */
import { createServer } from "node:http";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { FastMCP } from "fastmcp";
import { OAuthProxy } from "fastmcp/auth";
import { tokenStorage } from "holdfast/adapters/fastmcp";
import { reply, statefulTools } from "holdfast/adapters/tools";
import { race } from "holdfast/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { Basket, openTwoNodes, type Shop } from "./two-nodes.ts";

type Signed = { readonly user: string };

const nothing = (): void => undefined;
const quiet = { debug: nothing, error: nothing, info: nothing, log: nothing, warn: nothing };

/** A free port: FastMCP takes none but one that is named. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function serveNode(hold: Shop): Promise<{ readonly url: URL } & AsyncDisposable> {
  const server = new FastMCP<Signed>({
    name: "shop",
    version: "1.0.0",
    logger: quiet,
    authenticate: async ({ headers }) => ({ user: String(headers["x-user"]) }),
  });
  const tool = statefulTools(hold, {
    principal: ({ session }: { session?: Signed | undefined }) => ({
      issuer: "https://id.example.com",
      subject: session?.user ?? "",
      scopes: [],
    }),
  });
  server.addTool({
    name: "create_basket",
    description: "Opens a basket.",
    execute: tool("create_basket", (_args, { state }) => reply(state.basket.create())),
  });
  server.addTool({
    name: "add_item",
    description: "Puts an item into a basket.",
    parameters: z.object({ basket: Basket.id, sku: z.string() }),
    execute: tool("add_item", ({ basket, sku }, { state }) =>
      reply(
        state.basket.update(basket, (draft) => {
          draft.items.push(sku);
        }),
      ),
    ),
  });
  const port = await freePort();
  await server.start({ transportType: "httpStream", httpStream: { port, host: "127.0.0.1", stateless: true } });
  return { url: new URL(`http://127.0.0.1:${port}/mcp`), [Symbol.asyncDispose]: () => server.stop() };
}

it("gives FastMCP's tools each caller's own state, on every process", async () => {
  await using nodes = await openTwoNodes();
  await using one = await serveNode(nodes.one);
  await using other = await serveNode(nodes.other);
  const connect = async (url: URL, user: string): Promise<Client> => {
    const client = new Client({ name: "client", version: "1" }, { versionNegotiation: { mode: "legacy" } });
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: { "x-user": user } } }));
    return client;
  };
  const clients = [await connect(one.url, "alice"), await connect(other.url, "alice"), await connect(one.url, "bob")];
  const [here, there, stranger] = clients as [Client, Client, Client];
  const created = await here.callTool({ name: "create_basket", arguments: {} });
  const { basket } = created.structuredContent as { basket: string };
  const add = (client: Client, sku: string): Promise<unknown> =>
    client.callTool({ name: "add_item", arguments: { basket, sku } });
  await race(20, (lane) => add(lane % 2 === 0 ? here : there, `item ${lane}`));
  expect(await add(there, "last")).toMatchObject({ structuredContent: { version: 22 } });
  expect(await add(stranger, "mine")).toMatchObject({
    isError: true,
    structuredContent: { error: { code: "not_found" } },
  });
  await Promise.all(clients.map((client) => client.close()));
});

describe("its OAuth proxy", () => {
  const baseUrl = "https://shop.example.com";
  const redirect = "https://client.example.com/callback";

  it("takes a sign-in from node to node, and redeems each code once", async () => {
    await using nodes = await openTwoNodes();
    await using upstream = await startUpstream();
    const proxyOn = (hold: Shop): OAuthProxy =>
      new OAuthProxy({
        baseUrl,
        upstreamAuthorizationEndpoint: `${upstream.url}/authorize`,
        upstreamTokenEndpoint: `${upstream.url}/token`,
        upstreamClientId: "shop",
        upstreamClientSecret: "secret",
        consentRequired: false,
        allowedRedirectUriPatterns: ["https://client.example.com/*"],
        encryptionKey: "the same on every node",
        jwtSigningKey: "the same on every node, too",
        tokenStorage: tokenStorage(hold),
      });
    const [one, other] = [proxyOn(nodes.one), proxyOn(nodes.other)];
    try {
      const { client_id } = await one.registerClient({ redirect_uris: [redirect] });
      const asked = await other.authorize({ client_id, redirect_uri: redirect, response_type: "code", state: "s" });
      const state = new URL(asked.headers.get("location") ?? "").searchParams.get("state") ?? "";
      const back = await one.handleCallback(new Request(`${baseUrl}/oauth/callback?code=upstream&state=${state}`));
      const code = new URL(back.headers.get("location") ?? "").searchParams.get("code") ?? "";

      const request = { grant_type: "authorization_code", client_id, code, redirect_uri: redirect } as const;
      const { values, rejected } = await race(20, (lane) =>
        (lane % 2 === 0 ? one : other).exchangeAuthorizationCode(request),
      );
      expect({ redeemed: values.length, rejected }).toEqual({ redeemed: 1, rejected: 19 });
      const [token] = values;
      // What one node issued the other knows.
      expect(await other.loadUpstreamTokens(token?.access_token ?? "")).toMatchObject({ accessToken: "of upstream" });
    } finally {
      one.destroy();
      other.destroy();
    }
  });

  it("keeps values for as long as it says, and no key in clear", async () => {
    await using nodes = await openTwoNodes();
    const [storage, elsewhere] = [tokenStorage(nodes.one), tokenStorage(nodes.other)];
    await storage.save("code:secret", { a: 1 }, 60);
    expect(await elsewhere.get("code:secret")).toEqual({ a: 1 });
    await storage.save("code:secret", { a: 2 });
    expect(await elsewhere.get("code:secret")).toEqual({ a: 2 });
    await storage.save("code:short", "x", 0.001);
    await expect.poll(() => elsewhere.get("code:short"), { timeout: 20_000 }).toBeNull();
    await elsewhere.delete("code:secret");
    expect(await storage.get("code:secret")).toBeNull();
    expect(await storage.take("code:secret")).toBeNull();
    await storage.cleanup();
    await storage.save("kept", "x");
    expect(await tokenStorage(nodes.one, { application: "another" }).get("kept")).toBeNull();
    await expect(storage.save("k", "v", -1)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

/** An authorization server of which only the token endpoint is ever asked. */
async function startUpstream(): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ access_token: "of upstream", token_type: "Bearer", expires_in: 3_600 }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
