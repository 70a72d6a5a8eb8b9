import type { Owner } from "../../../record/record.ts";
import type { Store } from "../../../store/contract.ts";
import { callKind } from "./call-record.ts";

const pageSize = 200;

/** The streams of a session's calls that are still open; with `asking` of those that wait for their client. */
export async function* openCalls(
  store: Store,
  owner: Owner,
  sessionId: string,
  { asking = false }: { readonly asking?: boolean } = {},
): AsyncIterable<string> {
  const where = { session: sessionId, ...(asking && { asking }) };
  let after: string | undefined;
  do {
    const page = await store.list(owner, callKind, { limit: pageSize, order: "newest", after, where });
    for (const { id } of page.records) yield id;
    after = page.next;
  } while (after !== undefined);
}

/** A session is over: what is left of its calls, questions included, goes. */
export async function clearCalls(store: Store, owner: Owner, sessionId: string): Promise<void> {
  for await (const id of openCalls(store, owner, sessionId)) {
    await store.commit(owner, [{ kind: callKind, id, expect: "any", end: true }]);
  }
}
