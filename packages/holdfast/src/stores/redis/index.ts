/** The fast store for many nodes: records in Redis with persistence. `redis://…` as a URL; needs the package `redis`. */
export type { RedisOptions } from "./options.ts";
export { redisStore } from "./store.ts";
