/** Two apps on one store, as two processes would serve it, and the official client of both eras in front of them. */
import { createServer, type Server } from "node:http";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { inputRequired } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import type { Hold } from "../state/hold.ts";
import { reply } from "./reply.ts";
import { serve } from "./serve.ts";
import { type FailurePoint, failurePoints } from "./sessions/failure-points.ts";
import type { App } from "./types.ts";

const Sure = z.object({ sure: z.boolean() });

type Node = {
  readonly app: App;
  readonly hold: Hold;
  readonly http: Server;
  readonly port: number;
  stop(): Promise<void>;
};

describe.each(backings)("two nodes, on %s", (_name, open) => {
  let backing: Backing;
  let nodes: Node[];
  let errors: unknown[];
  let reached: FailurePoint[];
  let next: number;

  async function start(): Promise<Node> {
    const hold = await holdfast({ store: await backing.open(), kinds: [], reap: false });
    const hook = { [failurePoints]: (point: FailurePoint) => void reached.push(point) };
    const app = serve(
      hold,
      { name: "s", version: "1" },
      (server, { notify }) => {
        server.registerResource("thing", "test://thing", {}, (uri) => ({ contents: [{ uri: uri.href, text: "x" }] }));
        server.registerPrompt("greeting", {}, () => ({ messages: [] }));
        server.registerTool("change", {}, () => {
          notify.resourceUpdated("test://thing");
          notify.promptsChanged();
          return reply({ changed: true });
        });
        server.registerTool("confirm", {}, (ctx) => {
          if (ctx.mcpReq.inputResponses !== undefined) return reply(ctx.mcpReq.inputResponses["ok"]);
          const ok = inputRequired.elicit({ message: "sure?", requestedSchema: Sure });
          return inputRequired({ inputRequests: { ok } });
        });
      },
      { onError: (error) => errors.push(error), ...hook },
    );
    const http = createServer(app.node);
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const address = http.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const stop = async (): Promise<void> => {
      nodes.splice(nodes.indexOf(node), 1);
      await app.close();
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
      await hold.close();
    };
    const node: Node = { app, hold, http, port, stop };
    nodes.push(node);
    return node;
  }

  beforeEach(async () => {
    [nodes, errors, reached, next] = [[], [], [], 0];
    backing = await open();
    await start();
    await start();
  });

  afterEach(async () => {
    for (const node of [...nodes]) await node.stop();
    await backing[Symbol.asyncDispose]();
    expect(errors).toEqual([]);
  });

  /** A client whose every request goes to another node than the one before. */
  async function connect(era: "2025" | "2026"): Promise<Client> {
    const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
    const capabilities = { elicitation: { form: {} } };
    const client = new Client({ name: "c", version: "1" }, { versionNegotiation: { mode }, capabilities });
    client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { sure: true } }));
    const turning = (url: string | URL, init?: RequestInit): Promise<Response> => {
      next += 1;
      const target = new URL(url);
      target.port = String(nodes[next % nodes.length]?.port);
      return fetch(target, init);
    };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${nodes[0]?.port}/mcp`), {
        fetch: turning,
        reconnectionOptions: {
          initialReconnectionDelay: 100,
          maxReconnectionDelay: 500,
          reconnectionDelayGrowFactor: 1.5,
          maxRetries: 40,
        },
      }),
    );
    return client;
  }

  function hearing(client: Client): string[] {
    const heard: string[] = [];
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri));
    client.setNotificationHandler("notifications/prompts/list_changed", () => void heard.push("prompts"));
    return heard;
  }

  it("tell clients of both eras what changes on either of them, once", async () => {
    const [older, newer] = [await connect("2025"), await connect("2026")];
    const heard = [hearing(older), hearing(newer)];
    await older.subscribeResource({ uri: "test://thing" });
    await newer.listen({ promptsListChanged: true, resourceSubscriptions: ["test://thing"] });
    const both = ["test://thing", "prompts"];
    for (let round = 1; round <= 4; round += 1) {
      await (round % 2 === 0 ? older : newer).callTool({ name: "change" });
      for (const one of heard) await expect.poll(() => one.length, { timeout: 15_000 }).toBe(2 * round);
    }
    for (const one of heard) expect(one).toEqual([...both, ...both, ...both, ...both]);
    await Promise.all([older.close(), newer.close()]);
  });

  it("complete what asks its client, whichever of them asked and whichever is answered", async () => {
    const [older, newer] = [await connect("2025"), await connect("2026")];
    for (let round = 0; round < 4; round += 1) {
      for (const client of [older, newer]) {
        const { content } = await client.callTool({ name: "confirm" });
        const [block] = content;
        expect(block).toMatchObject({ text: '{"action":"accept","content":{"sure":true}}' });
      }
    }
    expect(new Set(reached)).toEqual(new Set(["after-question", "after-answers", "before-result", "after-result"]));
    await Promise.all([older.close(), newer.close()]);
  });

  it("may be replaced one after the other: no client of either era meets an error", async () => {
    const [older, newer] = [await connect("2025"), await connect("2026")];
    const heard = hearing(older);
    await older.subscribeResource({ uri: "test://thing" });
    for (let round = 1; round <= 3; round += 1) {
      await older.callTool({ name: "confirm" });
      const [oldest] = nodes;
      // A balancer knows first: from now on nothing new goes there.
      nodes.splice(0, 1);
      await start();
      await oldest?.app.drain({ timeoutMs: 10_000 });
      for (const client of [older, newer]) await client.callTool({ name: "change" });
      await expect.poll(() => heard.filter((what) => what === "prompts").length, { timeout: 15_000 }).toBe(2 * round);
      oldest?.http.closeAllConnections();
      await new Promise<void>((resolve) => oldest?.http.close(() => resolve()));
      await oldest?.hold.close();
    }
    await Promise.all([older.close(), newer.close()]);
  });
});
