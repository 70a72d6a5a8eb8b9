/** Two nodes of a shop on one store, and official clients that can send their users to a page. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { type Duration, type Hold, holdfast, type Principal, reply, requires, type StateChange, serve } from "holdfast";
import * as z from "zod";

import { type Answer, answerOf } from "../clients/caller.ts";
import { openAlone } from "../lib/durable-stores.ts";

export type Era = "2025" | "2026";
export type Page = { readonly request: string; readonly message: string; readonly elicitationId: unknown };

const Amount = z.object({ amount: z.number() });

/** Tokens say who somebody is: `alice.phone` is alice by her phone. */
export function principalOf(token: string): Principal {
  const [subject = "", clientId] = token.split(".");
  return { issuer: "test", subject, clientId, scopes: [] };
}

export interface Nodes extends AsyncDisposable {
  readonly holds: readonly Hold[];
  /** Requests go to the nodes in turn. */
  readonly fetch: typeof fetch;
  readonly url: string;
  readonly paid: readonly string[];
  readonly errors: readonly unknown[];
  /** What the holds told of confirmations. */
  readonly told: readonly StateChange[];
}

type Times = { readonly lasts?: Duration; readonly wait?: Duration };

export async function startNodes(url: string, options: Times = {}): Promise<Nodes> {
  const paid: string[] = [];
  const errors: unknown[] = [];
  const told: StateChange[] = [];
  const nodes = await Promise.all(["a", "b"].map(() => startNode(url, options, { paid, errors, told })));
  let turn = 0;
  return {
    holds: nodes.map(({ hold }) => hold),
    fetch: (input, init) => {
      const asked = new URL(input instanceof Request ? input.url : input);
      asked.port = String(nodes[turn++ % nodes.length]?.port);
      return fetch(asked, init);
    },
    url: `http://127.0.0.1:${nodes[0]?.port}/mcp`,
    paid,
    errors,
    told,
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes) await node.close();
    },
  };
}

type Node = { readonly hold: Hold; readonly port: number; close(): Promise<void> };

async function startNode(
  url: string,
  { lasts = "15m", wait = "20s" }: Times,
  { paid, errors, told }: { paid: string[]; errors: unknown[]; told: StateChange[] },
): Promise<Node> {
  const store = await openAlone(url);
  const onStateChange = (change: StateChange): void => {
    if (change.change.startsWith("step_up_")) told.push(change);
  };
  const hold = await holdfast({ store, onStateChange });
  const app = serve(
    hold,
    { name: "shop", version: "1.0.0" },
    (server, { stepUp, principal }) => {
      const config = { description: "Pays.", inputSchema: Amount };
      server.registerTool("pay", requires(config, { stepUp: "payments" }), ({ amount }, { mcpReq }) => {
        paid.push(`${principal.subject} ${amount}`);
        return reply({ paid: amount, answers: mcpReq.inputResponses ?? null });
      });
      server.registerTool("erase", requires({ description: "Erases." }, { stepUp: "erasure" }), () =>
        reply({ erased: true }),
      );
      server.registerTool("log_out", { description: "Logs out." }, async () => reply({ ended: await stepUp.revoke() }));
      server.registerTool("confirmed", { description: "Whether it is." }, async () =>
        reply({ payments: (await stepUp.confirmed("payments")) !== undefined }),
      );
    },
    {
      authenticate: (request) => {
        const token = request.header("authorization")?.replace("Bearer ", "") ?? "";
        return { ok: true, principal: principalOf(token) };
      },
      stepUp: {
        payments: { url: (request) => `https://shop.example.com/confirm/${request}`, lasts, wait },
        erasure: { url: (request) => new URL(`https://shop.example.com/erase/${request}`), message: "Erase it?" },
      },
      onError: (error) => errors.push(error),
    },
  );
  const server: Server = createServer(app.node);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    hold,
    // A server that listens on TCP has such an address.
    port: (server.address() as AddressInfo).port,
    close: async () => {
      await app.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await hold.close();
      await store.close();
    },
  };
}

export interface Shopper extends AsyncDisposable {
  call(tool: string, args?: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** The pages this client was asked to open. */
  readonly pages: readonly Page[];
  /** Elicitations it was told are complete. */
  readonly complete: readonly unknown[];
}

/** `visit` is what the user does with a page that was opened; the client accepts at once, as the specification says. */
export async function connectShopper(
  nodes: Nodes,
  era: Era,
  token: string,
  visit: (page: Page) => unknown,
  action: "accept" | "decline" = "accept",
): Promise<Shopper> {
  const pages: Page[] = [];
  const complete: unknown[] = [];
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new Client(
    { name: "shopper", version: "1.0.0" },
    { versionNegotiation: { mode }, capabilities: { elicitation: { url: {} } } },
  );
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    if (params.mode !== "url") throw new Error("a form was asked for");
    const { url, message } = params;
    const page: Page = {
      request: new URL(url).pathname.split("/").at(-1) ?? "",
      message,
      elicitationId: "elicitationId" in params ? params.elicitationId : undefined,
    };
    pages.push(page);
    void Promise.resolve(visit(page));
    return { action };
  });
  client.fallbackNotificationHandler = async ({ method, params }) => {
    if (method === "notifications/elicitation/complete") complete.push(params?.["elicitationId"]);
  };
  const headers = { authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(nodes.url), {
    requestInit: { headers },
    fetch: nodes.fetch,
  });
  await client.connect(transport);
  return {
    pages,
    complete,
    call: async (name, args = {}) => answerOf(await client.callTool({ name, arguments: { ...args } })),
    [Symbol.asyncDispose]: () => client.close(),
  };
}
