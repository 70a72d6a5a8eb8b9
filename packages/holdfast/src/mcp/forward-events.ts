/** Events of the bus for connections whose server lives as long as they do: stdio and HTTP+SSE. */
import type { McpServer, ServerEvent } from "@modelcontextprotocol/server";

import type { Owner } from "../record/record.ts";
import type { EventBus } from "./bus/bus.ts";

export type Forwarding = {
  readonly bus: EventBus;
  readonly onError: (error: unknown) => void;
  readonly server: McpServer;
  readonly owner: Owner;
  /** The resources that a client of the older revisions wants to hear of. */
  readonly subscribed: ReadonlySet<string> | undefined;
};

/**
 * Change events go to the instance, which in the newer revision knows what its client has asked to hear of; for a client
 * of the older ones it is `subscribed`.
 */
export function forwardEvents({ bus, onError, server: { server }, owner, subscribed }: Forwarding): void {
  const send = (event: ServerEvent): Promise<void> => {
    switch (event.kind) {
      case "tools_list_changed":
        return server.sendToolListChanged();
      case "prompts_list_changed":
        return server.sendPromptListChanged();
      case "resources_list_changed":
        return server.sendResourceListChanged();
      case "resource_updated":
        return server.sendResourceUpdated({ uri: event.uri });
    }
  };
  const unsubscribe = bus.subscribe((event) => {
    if (event.kind === "resource_updated" && subscribed?.has(event.uri) === false) return;
    // A server without that capability has nothing to tell of it.
    if (server.transport !== undefined && isAdvertised(event, server.getCapabilities())) send(event).catch(onError);
  }, owner);
  // Updates of resources are announced to other processes only where somebody wants them.
  bus.ready(owner, { resources: true }).catch((error: unknown) => {
    if (server.transport !== undefined) onError(error);
  });
  const previous = server.onclose;
  server.onclose = () => {
    unsubscribe();
    previous?.();
  };
}

function isAdvertised(event: ServerEvent, capabilities: ReturnType<McpServer["server"]["getCapabilities"]>): boolean {
  switch (event.kind) {
    case "tools_list_changed":
      return capabilities.tools?.listChanged === true;
    case "prompts_list_changed":
      return capabilities.prompts?.listChanged === true;
    case "resources_list_changed":
      return capabilities.resources?.listChanged === true;
    case "resource_updated":
      return capabilities.resources?.subscribe === true;
  }
}
