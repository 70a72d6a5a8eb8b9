export type { SqliteOptions } from "./options.ts";
export { sqliteStore } from "./store.ts";
