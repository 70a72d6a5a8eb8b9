/** The store for many nodes: records in PostgreSQL. `postgres://…` as a URL; needs the package `pg`. */
export type { PostgresOptions } from "./options.ts";
export { postgresStore } from "./store.ts";
