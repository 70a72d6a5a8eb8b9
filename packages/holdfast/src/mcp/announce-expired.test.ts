/** Clients learn that a list of resources has changed because something in it has expired. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import { localUser } from "../security/principal.ts";
import { kind } from "../state/kind.ts";
import { announceExpired } from "./announce-expired.ts";
import { textUntil } from "./serve.test-kit.ts";
import { serve } from "./serve.ts";

const Basket = kind("basket", { schema: z.object({}), initial: () => ({}), idle: "1m" });
const Kept = kind("basket", { schema: z.object({}), initial: () => ({}), idle: "1m", retain: "1h" });
const Note = kind("note", { schema: z.object({}), initial: () => ({}), idle: "1m" });

describe.each(backings)("on %s", (_name, open) => {
  let backing: Backing;

  beforeEach(async () => {
    backing = await open();
  });
  afterEach(async () => {
    await backing[Symbol.asyncDispose]();
  });

  it.each([
    ["goes with it", Basket],
    ["is retained", Kept],
  ] as const)(
    "the owner's clients hear of it, on whatever node they listen, where its content %s",
    async (_, Listed) => {
      const node = async () => {
        const reap = { every: "20ms" } as const;
        const hold = await holdfast({ store: await backing.open(), kinds: [Listed, Note], reap });
        const app = serve(
          hold,
          { name: "s", version: "1" },
          (server) => {
            server.registerResource("thing", "test://thing", {}, (uri) => ({
              contents: [{ uri: uri.href, text: "x" }],
            }));
          },
          { listedKinds: ["basket"] },
        );
        return { hold, app };
      };
      const nodes = [await node(), await node()] as const;
      const post = (message: object, session?: string): Promise<Response> => {
        const headers = {
          accept: "application/json, text/event-stream",
          "content-type": "application/json",
          ...(session !== undefined && { "mcp-session-id": session }),
        };
        const body = JSON.stringify({ jsonrpc: "2.0", ...message });
        return nodes[0].app(new Request("http://localhost/mcp", { method: "POST", headers, body }));
      };
      const clientInfo = { name: "c", version: "1" };
      const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
      const opened = await post({ id: 1, method: "initialize", params });
      const session = opened.headers.get("mcp-session-id") ?? "";
      await (await post({ method: "notifications/initialized" }, session)).text();
      const headers = { accept: "text/event-stream", "mcp-session-id": session };
      const stream = await nodes[0].app(new Request("http://localhost/mcp", { headers }));
      await nodes[1].hold.state(localUser).basket.create();
      backing.clock.advance(61_000);
      expect(await textUntil(stream, "notifications/resources/list_changed")).toContain("list_changed");
      for (const { app, hold } of nodes) {
        await app.close();
        await hold.close();
      }
    },
  );
});

it("each owner is told once of a batch, and of what is listed only", () => {
  const told: unknown[] = [];
  const bus = { publish: (event: { readonly kind: string }, owner?: string) => void told.push([event.kind, owner]) };
  const gone = (owner: string, of: string) =>
    ({ owner, kind: of, id: "x", fields: {}, livedMs: 1 }) as Parameters<typeof announceExpired>[2][number];
  announceExpired(bus, new Set(["basket", "session"]), [
    gone("a", "basket"),
    gone("a", "session"),
    gone("b", "note"),
    gone("d", "session"),
  ]);
  expect(told).toEqual([
    ["resources_list_changed", "a"],
    ["resources_list_changed", "d"],
  ]);
});
