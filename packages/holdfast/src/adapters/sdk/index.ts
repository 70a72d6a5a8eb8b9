/** For servers built on the official SDK, its first major or its second, without `serve()`. */
export { type EventBusOptions, type SharedEventBus, sharedEventBus } from "./event-bus.ts";
export {
  type EventStoreOptions,
  type ResumableSession,
  resumableSession,
  type SessionEventStore,
} from "./event-store.ts";
