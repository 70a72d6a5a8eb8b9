/** Sharing a record with another principal, as authors see it. */
import type { Principal } from "../../security/principal.ts";
import type { CallOptions, Duration, ListQuery } from "../types.ts";

/** `read`: everything that changes nothing. `write`: also changes, but neither ending the record nor sharing it on. */
export type Access = "read" | "write";

/** Who is given what of a record, and for how long. */
export type ShareOptions = CallOptions & {
  /** Who may use the record: the principal that the server will know the other by. */
  readonly with: Pick<Principal, "issuer" | "subject">;
  readonly access: Access;
  /** Ends by itself after this long, by the store's clock. Default: when it is revoked. */
  readonly expires?: Duration;
};

/** A grant as its giver sees it. */
export type Grant = {
  /** What to pass on: a handle that leads its receiver, and nobody else, to the record. */
  readonly grant: string;
  readonly with: Pick<Principal, "issuer" | "subject">;
  readonly access: Access;
  readonly createdAt: Date;
  readonly expiresAt?: Date | undefined;
};

/** A grant as its receiver sees it. */
export type ReceivedGrant = Omit<Grant, "with">;

/** A page of grants that the caller gave. `next` is the `after` of the following one. */
export type GrantList = { readonly grants: readonly Grant[]; readonly next?: string | undefined };
/** A page of grants that the caller was given. `next` is the `after` of the following one. */
export type ReceivedGrantList = { readonly grants: readonly ReceivedGrant[]; readonly next?: string | undefined };

/** Sharing records of a kind that is found by handles. */
export interface Sharing {
  /**
   * Lets another principal use a record. Its receiver passes the grant wherever a handle of this kind is taken. Throws
   * `NOT_FOUND` unless the record is the caller's and live, `INVALID_ARGUMENT` for sharing with oneself, and `FORBIDDEN`
   * where the other has as many grants as anybody may have (1,000).
   */
  share(id: string, options: ShareOptions): Promise<Grant>;
  /**
   * Ends a grant, by either side. From then on it is refused: whatever its receiver has not committed by then is not
   * committed. False if there was none.
   */
  revoke(grant: string, options?: CallOptions): Promise<boolean>;
  /** The grants that the caller gave of a record, newest first. */
  grants(id: string, options?: ListQuery): Promise<GrantList>;
  /** The grants of this kind that the caller was given, newest first. Some may lead nowhere by now. */
  shared(options?: ListQuery): Promise<ReceivedGrantList>;
}
