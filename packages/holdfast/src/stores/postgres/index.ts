export type { PostgresOptions } from "./options.ts";
export { postgresStore } from "./store.ts";
