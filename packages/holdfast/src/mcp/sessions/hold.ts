import type { Hold } from "../../state/hold.ts";

/** The part of a hold that serving sessions needs. */
export type SessionHold = Pick<
  Hold,
  "store" | "sessions" | "onEnded" | "limits" | "sessionLifetime" | "sessionQuota" | "announceEnded"
>;
