/** The primary that sentinels name. It is asked for anew whenever a connection is opened, and looked after in between. */
import type { Dial, Line } from "./dial.ts";
import { unavailable } from "./failures.ts";
import type { ResolvedRedisOptions } from "./options.ts";
import type { Address } from "./target.ts";

export class Sentinels {
  readonly #dial: Dial;
  readonly #options: ResolvedRedisOptions;
  #current = "";

  constructor(dial: Dial, options: ResolvedRedisOptions) {
    this.#dial = dial;
    this.#options = options;
  }

  /** A line to the primary. Rejects where the server that is named says that it is none, or none yet. */
  async open(): Promise<Line> {
    const address = await this.#primary();
    const line = await this.#dial(address);
    const [role] = (await line.send(["ROLE"])) as readonly unknown[];
    if (role !== "master") {
      line.end();
      throw unavailable(`${nameOf(address)} is named as the primary and is none; a failover may be under way`);
    }
    this.#current = nameOf(address);
    return line;
  }

  /**
   * Whether the sentinels still name the server that was opened last. One that was replaced while it could not be
   * reached by them goes on taking changes for a moment, and they are lost.
   */
  async isCurrent(): Promise<boolean> {
    try {
      return nameOf(await this.#primary()) === this.#current;
    } catch {
      // Sentinels that cannot be asked say nothing against it.
      return true;
    }
  }

  async #primary(): Promise<Address> {
    const { target, sentinelUsername, sentinelPassword } = this.#options;
    const credentials = { username: sentinelUsername, password: sentinelPassword, database: 0 };
    let problem: unknown;
    for (const sentinel of target.addresses) {
      try {
        const line = await this.#dial(sentinel, credentials);
        try {
          const answer = await line.send(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", target.primary]);
          if (Array.isArray(answer)) return { host: String(answer[0]), port: Number(answer[1]) };
          problem = unavailable(`the sentinel at ${nameOf(sentinel)} knows no primary "${target.primary}"`);
        } finally {
          line.end();
        }
      } catch (error) {
        problem = error;
      }
    }
    throw problem instanceof Error ? problem : unavailable("no sentinel can be reached");
  }
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`;
}
