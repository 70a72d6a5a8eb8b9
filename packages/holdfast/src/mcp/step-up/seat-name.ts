import type { Principal } from "../../security/principal.ts";
import type { Session } from "../../state/types.ts";

/**
 * Where a confirmation counts. A 2025-era session is its own place; a caller without one has the client of its token, so
 * that what was confirmed in one client of a user means nothing in another.
 */
export function seatName({
  principal,
  session,
}: {
  readonly principal: Pick<Principal, "clientId">;
  readonly session: Pick<Session, "id"> | undefined;
}): string {
  return session === undefined ? `client ${principal.clientId ?? ""}` : `session ${session.id}`;
}
