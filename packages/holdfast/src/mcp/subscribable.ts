/** Lets clients subscribe to resources without the author's doing: holdfast keeps who wants to hear of what. */
import type { McpServer } from "@modelcontextprotocol/server";

export type Subscribing = {
  readonly era: "2025" | "2026";
  /** Whether there is somewhere to keep subscriptions of the 2025 revisions. */
  readonly kept: boolean;
  /** Hears of subscriptions of the 2025 revisions, and of their ends. */
  readonly onSubscription?: ((uri: string, subscribed: boolean) => void) | undefined;
};

/** To be called once the author has registered everything. Who has said that there are no subscriptions is believed. */
export function makeSubscribable(mcp: McpServer, { era, kept, onSubscription }: Subscribing): void {
  const { server } = mcp;
  const { resources } = server.getCapabilities();
  if (resources === undefined || resources.subscribe === false || (era === "2025" && !kept)) return;
  if (resources.subscribe === undefined) server.registerCapabilities({ resources: { subscribe: true } });
  // In the 2026-07-28 revision clients listen on a stream instead.
  if (era === "2026" || hasHandlers(mcp)) return;
  for (const method of ["resources/subscribe", "resources/unsubscribe"] as const) {
    server.setRequestHandler(method, ({ params }) => {
      onSubscription?.(params.uri, method === "resources/subscribe");
      return {};
    });
  }
}

function hasHandlers({ server }: McpServer): boolean {
  try {
    server.assertCanSetRequestHandler("resources/subscribe");
    return false;
  } catch {
    return true;
  }
}
