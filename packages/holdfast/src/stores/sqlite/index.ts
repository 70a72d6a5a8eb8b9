/** The store for one machine: records in a file that several processes may share. `sqlite:PATH` as a URL. */
export type { SqliteOptions } from "./options.ts";
export { sqliteStore } from "./store.ts";
