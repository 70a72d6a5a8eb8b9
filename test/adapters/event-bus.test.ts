/** The bus of the SDK's own handler of the 2026-07-28 revision, between two processes. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { sharedEventBus } from "holdfast/adapters/sdk";
import { expect, it } from "vitest";

import { poll } from "../lib/waiting.ts";
import { openTwoNodes, type Shop } from "./two-nodes.ts";

const [first, uri] = ["basket://yesterday", "basket://today"];

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
  const listening = await client.listen({ resourcesListChanged: true, resourceSubscriptions: [first, uri] });
  // Whoever listens is known to all once the bus says so; there is no end of a client's that it could be asked at.
  await poll(() => {
    other.notify.resourceUpdated(first);
    return heard.length > 0 ? true : undefined;
  }, "the first of them is heard");

  other.notify.resourceUpdated(uri);
  other.notify.resourceUpdated("basket://another");
  other.notify.resourcesChanged();
  await poll(() => (heard.includes("list") ? true : undefined), "what the other process said is heard");
  one.notify.resourceUpdated(uri);
  await poll(() => (heard.at(-1) === uri ? true : undefined), "what this process said is heard");
  expect(heard.filter((what) => what !== first)).toEqual([uri, "list", uri]);

  await listening.close();
  await client.close();
  expect(errors).toEqual([]);
});
