/** The bus of the SDK's own handler of the 2026-07-28 revision, between two processes. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { sharedEventBus } from "holdfast/adapters/sdk";
import { expect, it } from "vitest";

import { poll } from "../lib/waiting.ts";
import { openTwoNodes, type Shop } from "./two-nodes.ts";

const uri = "basket://today";

function serveNode(hold: Shop, errors: unknown[]): ReturnType<typeof createMcpHandler> & AsyncDisposable {
  const bus = sharedEventBus(hold, { onError: (error) => errors.push(error) });
  const capabilities = { resources: { subscribe: true, listChanged: true } };
  const handler = createMcpHandler(() => new McpServer({ name: "host", version: "1" }, { capabilities }), { bus });
  return {
    ...handler,
    [Symbol.asyncDispose]: async () => {
      await handler.close();
      await bus.close();
    },
  };
}

it("brings changes to the clients of every process, once and in order", async () => {
  const errors: unknown[] = [];
  await using nodes = await openTwoNodes();
  await using one = serveNode(nodes.one, errors);
  await using other = serveNode(nodes.other, errors);
  const client = new Client({ name: "client", version: "1" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  const heard: string[] = [];
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri));
  client.setNotificationHandler("notifications/resources/list_changed", () => void heard.push("list"));
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => one.fetch(new Request(url, init));
  await client.connect(new StreamableHTTPClientTransport(new URL("http://127.0.0.1/mcp"), { fetch }));
  const listening = await client.listen({ resourcesListChanged: true, resourceSubscriptions: [uri] });
  // Whoever listens is known to all once the bus says so; there is no end of a client's that it could be asked at.
  await poll(() => {
    other.notify.resourceUpdated(uri);
    return heard.length > 0 ? true : undefined;
  }, "the first of them is heard");
  await poll(async () => {
    const before = heard.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return before === heard.length ? true : undefined;
  }, "all of those were heard");
  heard.length = 0;

  other.notify.resourceUpdated(uri);
  other.notify.resourceUpdated("basket://another");
  other.notify.resourcesChanged();
  await poll(() => (heard.includes("list") ? true : undefined), "what the other process said is heard");
  one.notify.resourceUpdated(uri);
  await poll(() => (heard.length >= 3 ? true : undefined), "what this process said is heard");
  expect(heard).toEqual([uri, "list", uri]);

  await listening.close();
  await client.close();
  expect(errors).toEqual([]);
});
