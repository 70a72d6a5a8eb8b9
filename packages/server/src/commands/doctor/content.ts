/** What lies in a store. Counting it may take longer than anybody waits, and is no reason to call the store unwell. */
import type { Store } from "holdfast/contract";
import { isHoldfastError } from "holdfast/contract";

import { type Finding, good, warning } from "./check.ts";

/** So many records past their end, in a sample, say that nobody reaps. */
const backlogWarning = 500;
const sampled = 1_000;
const countingMs = 15_000;

export async function checkContent(
  store: Store,
  signal: AbortSignal,
  waitMs: number = countingMs,
): Promise<readonly Finding[]> {
  const { admin } = store;
  const held = await counted(store, signal, waitMs);
  const { at, records } = await admin.scan({ limit: sampled, signal });
  const overdue = records.filter(({ endedAt, expiresAt, lifetime }) => {
    const overAt = endedAt ?? expiresAt;
    return overAt !== undefined && overAt + (lifetime.retainMs ?? 0) < at - 3_600_000;
  }).length;
  const findings = [held];
  if (overdue >= backlogWarning) {
    const seen = `of the first ${records.length} records, ${overdue} were over an hour ago and still lie there`;
    findings.push(warning("content", seen, "keep a server running on this store: it sweeps"));
  }
  return findings;
}

async function counted({ admin }: Store, signal: AbortSignal, waitMs: number): Promise<Finding> {
  const number = (value: number): string => value.toLocaleString("en-US");
  try {
    const stats = await admin.stats({ signal: AbortSignal.any([signal, AbortSignal.timeout(waitMs)]) });
    const owners = `${number(stats.owners)} ${stats.owners === 1 ? "owner" : "owners"}`;
    const inside = `${number(stats.records)} records of ${owners}, ${number(stats.events)} events`;
    return good("content", `${inside}, ${number(stats.bytes)} bytes`);
  } catch (error) {
    const tookTooLong = isHoldfastError(error) && (error.code === "ABORTED" || error.code === "UNAVAILABLE");
    if (signal.aborted || !tookTooLong) throw error;
    const remedy = "nothing, where the store is very large or busy; the other findings hold";
    return warning("content", "could not be counted in the time there is", remedy);
  }
}
