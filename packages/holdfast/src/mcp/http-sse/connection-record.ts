/**
 * A connection as every node knows it: who may send to it, and its inbox, where messages wait that arrived at another
 * node than the one that has its stream. Its life is that of the stream: it ends with it, or soon after its node.
 */
import type { Owner, RecordKey } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import type { Store } from "../../store/contract.ts";
import { isObject } from "../is-object.ts";
import type { InboxPlace } from "../sessions/routing/inbox.ts";
import { hashSecret, secretMatches, type WireId } from "../sessions/wire-id.ts";

/** Who may send to a connection. */
export type Bond = {
  readonly secretHash: string;
  /** The OAuth client that opened it; null where there is none. */
  readonly clientId: string | null;
};

/** How long others take a connection for open after they last heard of its node; and how often that says so. */
const lifetimeMs = 30_000;
export const beatMs = 10_000;

export function bondOf(principal: Principal, id: WireId): Bond {
  return { secretHash: hashSecret(id.secret), clientId: principal.clientId ?? null };
}

/** Whether a caller who presents this secret may send. Both are looked at whatever the first says, so that time tells nothing. */
export function isBound({ secretHash, clientId }: Bond, principal: Principal, secret: string): boolean {
  const client = clientId === (principal.clientId ?? null);
  return secretMatches(secret, secretHash) && client;
}

export function inboxOfConnection(owner: Owner, handle: string): InboxPlace {
  return { owner, key: keyOf(handle), topic: `holdfast.http-sse.${handle}` };
}

export async function createRecord(store: Store, principal: Principal, handle: string, bond: Bond): Promise<void> {
  const create = { text: JSON.stringify(bond), lifetime: { idleMs: lifetimeMs } };
  await store.commit(ownerOfPrincipal(principal), [{ ...keyOf(handle), expect: "absent", create }]);
}

/** Undefined if there is no such connection of this owner. */
export async function readBond(
  store: Store,
  owner: Owner,
  handle: string,
  signal: AbortSignal,
): Promise<Bond | undefined> {
  const { record } = await store.read(owner, keyOf(handle), { signal });
  const said: unknown = record === undefined ? undefined : JSON.parse(record.document);
  if (!isObject(said) || typeof said["secretHash"] !== "string") return undefined;
  const { secretHash, clientId } = said;
  return { secretHash, clientId: typeof clientId === "string" ? clientId : null };
}

/** False if the connection is over for everybody else. */
export async function keepAlive(store: Store, owner: Owner, handle: string): Promise<boolean> {
  const committed = await store.commit(owner, [{ ...keyOf(handle), expect: "present", slide: true }]);
  return committed.ok;
}

export async function endRecord(store: Store, owner: Owner, handle: string): Promise<void> {
  await store.commit(owner, [{ ...keyOf(handle), expect: "present", end: true }]);
}

function keyOf(handle: string): RecordKey {
  return { kind: "holdfast.http-sse", id: handle };
}
