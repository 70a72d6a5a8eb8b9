import type { Owner } from "../../record/record.ts";
import type { CommitOptions } from "../../store/contract.ts";
import type { Engine } from "../engine.ts";
import { maxShares, sharedKind, sharesCounter, sharesKey } from "./records.ts";

/**
 * Takes off a receiver's count what lapsed by itself, which nobody is there to do when it happens. Done only where the count
 * says that there is no room. The version lets one of several at once do it, or they would all take the same off.
 */
export async function recountShares(engine: Engine, receiver: Owner, { signal }: CommitOptions): Promise<void> {
  const { record } = await engine.read(receiver, sharesKey, { signal });
  if (record === undefined) return;
  // Listed after the count was read: what comes in between makes the count too high, which costs another look.
  const { records } = await engine.list(receiver, sharedKind, { limit: maxShares, order: "newest", signal });
  const lapsed = (record.counters.get(sharesCounter) ?? 0) - records.length;
  if (lapsed <= 0) return;
  const document = { text: record.document };
  const counters = [{ name: sharesCounter, by: -lapsed }];
  await engine.commit(receiver, [{ ...sharesKey, expect: record.version, document, counters }], { signal });
}
