import { freshCursorKey } from "../../record/cursor.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Client } from "./client.ts";
import { translate } from "./failures.ts";
import type { Keys } from "./keys.ts";
import type { ResolvedRedisOptions } from "./options.ts";
import { requireSafeServers, type ServerFacts } from "./safety.ts";

/** What the keys look like. A release that reads another form says so here. */
const format = "1";

export type Prepared = {
  readonly facts: ServerFacts;
  /** The same for every opening of the store. */
  readonly cursorKey: Uint8Array;
};

/** Looks whether the servers can keep the promises, and whether what lies there is of a form this release knows. */
export async function prepareServers(client: Client, keys: Keys, options: ResolvedRedisOptions): Promise<Prepared> {
  try {
    await client.topology.connect();
    const facts = await requireSafeServers(client.topology, options.accept);
    const { settings } = keys;
    // Whoever comes first brings both; everybody uses what is there.
    await client.ask(settings, ["HSETNX", settings, "format", format]);
    await client.ask(settings, ["HSETNX", settings, "cursors", Buffer.from(freshCursorKey()).toString("base64")]);
    const answer = await client.ask(settings, ["HMGET", settings, "format", "cursors"]);
    const [found = "", cursors = ""] = answer as readonly string[];
    if (found !== format) {
      throw new HoldfastError(
        "SCHEMA_MISMATCH",
        `what lies in Redis has form ${found}, and this release knows form ${format}: use the release that wrote it`,
      );
    }
    return { facts, cursorKey: Buffer.from(cursors, "base64") };
  } catch (error) {
    throw translate(error, true);
  }
}
