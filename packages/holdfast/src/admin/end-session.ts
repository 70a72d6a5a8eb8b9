import type { Change } from "../record/change.ts";
import type { Owner } from "../record/record.ts";
import { Ended } from "../state/ended.ts";
import { connectionEnd, transportKind } from "../state/sessions/connection.ts";
import { sessionKind } from "../state/sessions/definition.ts";
import type { CallOptions, Store } from "../store/contract.ts";

/**
 * Ends a session for an operator: with its connection, if it has one, and told to the nodes that may serve it. False if
 * it was over already.
 *
 * @example
 * const store = await openStore("sqlite:./state.db");
 * const alice = ownerOfIdentity({ issuer: "https://id.example.com", subject: "alice" });
 * const ended = await endSession(store, alice, id);
 */
export async function endSession(store: Store, owner: Owner, id: string, options: CallOptions = {}): Promise<boolean> {
  const { record: transport } = await store.read(owner, { kind: transportKind, id }, options);
  const alone: readonly Change[] = [{ kind: sessionKind, id, expect: "present", end: true }];
  const answer = await store.commit(owner, transport === undefined ? alone : connectionEnd(id), options);
  if (!answer.ok) return false;
  const ended = new Ended(store, () => undefined);
  ended.announce(owner, { kind: sessionKind, id }, "ended", true);
  ended.close();
  return true;
}
