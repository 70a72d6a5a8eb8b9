import type { StateChange } from "holdfast";

import type { Log } from "./logger.ts";

type Level = "debug" | "info" | "warn";

const windowMs = 60_000;
/** Most lines of one change in a minute: whoever guesses at sessions must not fill a disk. */
const maxLines = 200;

type Rule = {
  readonly level: Level;
  readonly says: string;
  /** Whatever kind of record it is about. */
  readonly always?: true;
};

const rules: Readonly<Record<StateChange["change"], Rule>> = {
  created: { level: "info", says: "made" },
  adopted: { level: "debug", says: "a session was taken up by this node" },
  expired: { level: "info", says: "its time was over" },
  ended: { level: "info", says: "ended" },
  evicted: { level: "debug", says: "a session's instance gave way to others" },
  foreign_attempt: { level: "warn", says: "a session was named by somebody it does not belong to" },
  conflict: { level: "debug", says: "somebody else changed the record first" },
  conflict_exhausted: { level: "warn", says: "a change gave up after too many conflicts" },
  turned_away: { level: "warn", says: "a change gave up behind others of the same record" },
  takeover: { level: "info", says: "a newer connection took a stream over" },
  step_up_confirmed: { level: "info", says: "a user confirmed a purpose", always: true },
  step_up_declined: { level: "info", says: "a user declined to confirm a purpose", always: true },
  step_up_revoked: { level: "info", says: "a confirmation was taken back", always: true },
};

/** Writes changes of state down, one line each. What exceeds the bound is counted in the line that begins the next minute. */
export function logStateChanges(log: Log, now: () => number = () => performance.now()): (change: StateChange) => void {
  const windows = new Map<StateChange["change"], { since: number; lines: number }>();
  return (given) => {
    const { change, kind } = given;
    const { level, says, always } = rules[change];
    // What agents keep in their records is busy; sessions are what an operator follows.
    const own = level === "info" && kind !== "session" && always !== true ? "debug" : level;
    if (!log.isLevelEnabled(own)) return;
    const window = windows.get(change) ?? { since: now(), lines: 0 };
    windows.set(change, window);
    let omitted = 0;
    if (now() - window.since >= windowMs) {
      omitted = Math.max(0, window.lines - maxLines);
      windows.set(change, { since: now(), lines: 1 });
    } else {
      window.lines += 1;
      if (window.lines > maxLines) return;
    }
    log[own]({ ...given, ...(omitted > 0 && { omitted }) }, says);
  };
}
