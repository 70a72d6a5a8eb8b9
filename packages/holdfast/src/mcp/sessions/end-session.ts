import type { SessionDeps } from "./deps.ts";
import type { OpenSession } from "./session-gate.ts";
import { transportKey } from "./transport-record.ts";

/** Ends both records of a connection, for its client. False if it was over already. */
export async function endSession(deps: SessionDeps, { owner, id, principal }: OpenSession): Promise<boolean> {
  if (await deps.hold.sessions(principal).open(id).end()) return true;
  // The session alone is gone; what is left of the connection must not stay behind.
  const committed = await deps.store.commit(owner, [{ ...transportKey(id), expect: "present", end: true }]);
  if (committed.ok) deps.hold.announceEnded(owner, id);
  return committed.ok;
}
