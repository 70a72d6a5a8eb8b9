import { isObject } from "../../mcp/is-object.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import { durationMs } from "../../state/duration.ts";
import type { Hold } from "../../state/hold.ts";
import { servingHold } from "../../state/open-hold.ts";
import type { Duration } from "../../state/types.ts";
import { type ApplicationOptions, applicationOwner, applicationQuota } from "../application.ts";
import { Values } from "../values.ts";

/**
 * Which application's sessions these are, what they may take up together, and how long one lives. What cannot be throws
 * `INVALID_ARGUMENT` when the store is made.
 */
export type SessionStoreOptions = Omit<ApplicationOptions, "onError"> & {
  /** How long a session lives after its last request: milliseconds, or such as `"24h"`. Default `24h`, as in mcp-use. */
  readonly idle?: Duration;
};

/**
 * mcp-use's `SessionStore`, the same on every node. `Metadata` is its `SessionMetadata`. What resolved is in the store. All
 * methods reject with `UNAVAILABLE` where the store cannot be reached; those that set, also with `QUOTA_EXCEEDED` once
 * `maxBytes` are taken, and with `CONTENTION` where others change the session all the time.
 */
export interface McpUseSessionStore<Metadata> {
  /** Null for a session that is unknown, has ended, or has expired. */
  get(sessionId: string): Promise<Metadata | null>;
  /** Fields that are not named stay as they are. */
  set(sessionId: string, data: Metadata): Promise<void>;
  /** Replaces all of it; it goes after so many milliseconds, used or not. */
  setWithTTL(sessionId: string, data: Metadata, ttlMs: number): Promise<void>;
  delete(sessionId: string): Promise<void>;
  has(sessionId: string): Promise<boolean>;
  /** The ids of all sessions of the application, oldest first. */
  keys(): Promise<string[]>;
}

/**
 * Where mcp-use keeps what it knows of sessions (2025-11-25 `basic/transports`, "Session Management"): any node
 * recovers one that another began. A store that cannot be reached throws, so that clients are not told that their
 * session is gone.
 *
 * @example
 * new MCPServer({ name: "shop", version: "1.0.0", sessionStore: sessionStore(hold), streamManager: streamManager(hold) });
 */
export function sessionStore<Metadata>(
  hold: Pick<Hold, "sessions">,
  options: SessionStoreOptions = {},
): McpUseSessionStore<Metadata> {
  const { store } = servingHold(hold);
  const idleMs = durationMs(options.idle ?? "24h", "idle");
  refuseUnknownNames("sessionStore()", options, ["application", "maxBytes", "idle"]);
  const owner = applicationOwner("mcp-use", options);
  const quota = applicationQuota(options);
  const values = new Values({ store, owner, kind: "holdfast.mcp-use-session", quota, listed: true });
  return {
    // What is found was set as that.
    get: async (id) => ((await values.get(id)) ?? null) as Metadata | null,
    // mcp-use reads, adds and sets without a lock: who sets what it read earlier takes nothing away.
    set: (id, data) => values.change(id, (before) => merged(before, data), { idleMs }),
    setWithTTL: async (id, data, ttlMs) => await values.put(id, data, { absoluteMs: durationMs(ttlMs, "ttlMs") }),
    delete: (id) => values.remove(id),
    has: (id) => values.has(id),
    keys: () => values.names(),
  };
}

function merged(before: unknown, data: unknown): unknown {
  return isObject(before) && isObject(data) ? { ...before, ...data } : data;
}
