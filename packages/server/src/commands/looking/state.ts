import { endOf } from "holdfast/contract";

import { choice, type Row } from "../../settings/row.ts";

export type Wanted = "live" | "over" | "all";

export const state: Row<Wanted> = choice({
  default: "live",
  choices: ["live", "over", "all"],
  placeholder: "STATE",
  group: "This command",
  help: "live, over (ended or expired, not yet removed) or all",
});

type Timed = { readonly endedAt?: number | undefined; readonly expiresAt?: number | undefined };

export function isWanted(record: Timed, wanted: Wanted, now: number): boolean {
  return wanted === "all" || (wanted === "live") === (stateOf(record, now) === "live");
}

export function stateOf(record: Timed, now: number): "live" | "ended" | "expired" {
  if (endOf(record) !== undefined) return "ended";
  return record.expiresAt !== undefined && record.expiresAt <= now ? "expired" : "live";
}

/** A point in time as tables show it: to the second, in UTC. */
export function shortTime(at: number | undefined): string | undefined {
  return at === undefined ? undefined : `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z`;
}
