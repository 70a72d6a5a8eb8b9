import type { ServerEvent, ServerEventBus } from "@modelcontextprotocol/server";
import { EventBus } from "../../mcp/bus/bus.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import type { Hold } from "../../state/hold.ts";
import { servingHold } from "../../state/open-hold.ts";
import { reporter } from "../application.ts";

/** Who hears of what went wrong: publishing neither waits nor throws. */
export type EventBusOptions = {
  /** Called with failures to write or to read, which nobody else hears of. */
  readonly onError?: (error: unknown) => void;
};

/** The SDK's bus of change events, spanning all processes on one store. */
export interface SharedEventBus extends ServerEventBus {
  /** Resolves once whatever any process publishes from now on reaches the listeners here. Only for who listens. */
  ready(): Promise<void>;
  /** Resolves once what was published is in the store, or given up. The hold stays open. */
  close(): Promise<void>;
}

/**
 * Makes the bus of `createMcpHandler` reach every process: an event that one of them publishes is delivered to the
 * `subscriptions/listen` streams of all (2026-07-28 `basic/patterns/subscriptions`), once and in the order of its publisher.
 * Publishing neither waits nor throws.
 *
 * @example
 * const handler = createMcpHandler(factory, { bus: sharedEventBus(hold) });
 * handler.notify.resourceUpdated("basket://today");
 */
export function sharedEventBus(hold: Pick<Hold, "sessions">, options: EventBusOptions = {}): SharedEventBus {
  refuseUnknownNames("sharedEventBus()", options, ["onError"]);
  const report = reporter(options);
  const bus = new EventBus(servingHold(hold).store, report);
  const ready = async (): Promise<void> => {
    await bus.ready(undefined, { resources: true });
  };
  return {
    publish: (event: ServerEvent) => bus.publish(event),
    subscribe: (listener: (event: ServerEvent) => void) => {
      const stop = bus.subscribe(listener);
      // What a client listens to is for the SDK to know: updates of resources are written for whoever might.
      ready().catch(report);
      return stop;
    },
    ready,
    close: () => bus.close(),
  };
}
