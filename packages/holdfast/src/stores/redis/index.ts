export type { RedisOptions } from "./options.ts";
export { redisStore } from "./store.ts";
