/** What an author writes who keeps a counter for each session in Redis: one `HINCRBY`, sent with whatever else is on its way. */
import { createClient } from "redis";

export type RedisCounters = {
  /** Another connection, for subscriptions. */
  readonly duplicate: () => Promise<unknown>;
  readonly client: unknown;
  readonly add: (session: string, counter: string, by: number) => Promise<number>;
};

export async function redisCounters(url: string): Promise<RedisCounters> {
  const client = createClient({ url });
  client.on("error", (error) => console.error(error));
  await client.connect();
  return {
    client,
    duplicate: () => client.duplicate().connect(),
    add: (session, counter, by) => client.hIncrBy(`counters:${session}`, counter, by),
  };
}
