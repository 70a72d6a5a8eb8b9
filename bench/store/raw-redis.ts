/** The same work on the bare driver: what Redis itself can do here with one script call for each operation. */
import { throughput } from "../lib/compare.ts";
import type { Raw } from "./rows.ts";

type Client = {
  connect(): Promise<unknown>;
  on(event: "error", listener: () => void): unknown;
  sendCommand(command: readonly string[]): Promise<unknown>;
  close(): Promise<unknown>;
};
type Driver = { createClient(settings: { readonly url: string; readonly RESP: 3 }): Client };

const document = JSON.stringify({ items: ["x".repeat(270)], at: 0 });
const updateOne = `
  if redis.call("HGET", KEYS[1], "version") ~= ARGV[1] then return false end
  redis.call("HSET", KEYS[1], "version", ARGV[1] + 1, "document", ARGV[2])
  redis.call("RPUSH", KEYS[2], ARGV[3])
  return 1`;
const incrementOne = `
  redis.call("RPUSH", KEYS[2], ARGV[1])
  return redis.call("HINCRBY", KEYS[1], "counter", 1)`;

export class RawRedis implements Raw {
  readonly #client: Client;
  readonly #inFlight: number;
  readonly #versions: number[];
  readonly #digests: { readonly update: string; readonly increment: string };
  #next = 0;

  private constructor(client: Client, records: number, inFlight: number, digests: readonly [string, string]) {
    this.#client = client;
    this.#inFlight = inFlight;
    this.#versions = Array.from({ length: records }, () => 1);
    this.#digests = { update: digests[0], increment: digests[1] };
  }

  static async open(url: string, records: number, inFlight: number): Promise<RawRedis> {
    // The driver's own types are not needed for this.
    const name: string = "redis";
    const driver = (await import(name)) as Driver;
    const client = driver.createClient({ url, RESP: 3 });
    client.on("error", () => undefined);
    await client.connect();
    const load = async (script: string): Promise<string> =>
      String(await client.sendCommand(["SCRIPT", "LOAD", script]));
    const digests = [await load(updateOne), await load(incrementOne)] as const;
    await Promise.all(
      Array.from({ length: records }, (_, id) =>
        client.sendCommand(["HSET", `raw:{${id}}`, "version", "1", "document", document]),
      ),
    );
    return new RawRedis(client, records, inFlight, digests);
  }

  updates(ms: number): Promise<number> {
    return throughput(this.#inFlight, ms, async () => {
      const id = this.#someId();
      const version = this.#versions[id] ?? 0;
      this.#versions[id] = version + 1;
      const done = await this.#call(this.#digests.update, id, [String(version), document, '{"type":"updated"}']);
      if (done === null) throw new Error("the version did not stand");
    });
  }

  increments(ms: number): Promise<number> {
    return throughput(this.#inFlight, ms, () =>
      this.#call(this.#digests.increment, this.#someId(), ['{"type":"incremented"}']),
    );
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #someId(): number {
    this.#next += 1;
    return this.#next % this.#versions.length;
  }

  #call(digest: string, id: number, args: readonly string[]): Promise<unknown> {
    return this.#client.sendCommand(["EVALSHA", digest, "2", `raw:{${id}}`, `raw:{${id}}:log`, ...args]);
  }
}
