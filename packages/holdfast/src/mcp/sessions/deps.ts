import type { ContextLocal } from "../../state/context-local.ts";
import type { Store } from "../../store/contract.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";
import type { Admission } from "../pressure/admission.ts";
import type { FailurePoints } from "./failure-points.ts";
import type { SessionHold } from "./hold.ts";
import type { Serving } from "./instance.ts";
import type { MissedIds } from "./missed-ids.ts";
import type { SessionNews } from "./news.ts";
import type { SessionOptions } from "./options.ts";
import type { FleetIds } from "./routing/ids.ts";
import type { StreamSlots } from "./slots.ts";

/** What a node tells of a session besides what its commits tell. */
export type SessionChange =
  | { readonly change: "adopted" | "evicted" | "takeover" }
  | { readonly change: "foreign_attempt"; readonly reason: "secret" | "client" };

/** What all parts of one endpoint share. Made once, by `createSessionEndpoint`. */
export type SessionDeps = {
  readonly hold: SessionHold;
  readonly store: Store;
  readonly options: SessionOptions;
  readonly ids: FleetIds;
  readonly slots: StreamSlots;
  readonly missed: MissedIds;
  /** Whether this node takes more sessions in hand. */
  readonly admission: Pick<Admission, "refuseNew" | "refuseMore">;
  /** Absent where nothing is announced. */
  readonly news: SessionNews | undefined;
  /** The POST whose handler is running: what its server asks in there belongs to it. */
  readonly serving: ContextLocal<Serving>;
  /** Set by tests that kill the process at a certain moment. */
  readonly failurePoint: FailurePoints | undefined;
  /** Publishes a hint. Never throws: hints may be lost. */
  readonly hint: (topic: string, hint: string) => void;
  /** Never throws. */
  readonly telemetry: Telemetry;
  /** Tells a change of a session. Never throws. */
  readonly tell: (change: SessionChange, id: string) => void;
  /** Never throws. */
  readonly onError: (error: unknown) => void;
};
