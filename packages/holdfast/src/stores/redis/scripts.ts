/** The scripts as the server takes them, each known by the digest of its text. */
import { createHash } from "node:crypto";

import { commit } from "./scripts/commit.ts";
import { decide } from "./scripts/decide.ts";
import { fields } from "./scripts/fields.ts";
import { outcomes } from "./scripts/outcomes.ts";
import { events, inspect, list, read, scan, stats, usage } from "./scripts/read.ts";
import { claim, owners, register } from "./scripts/registry.ts";
import { shared } from "./scripts/shared.ts";
import { erase, exportingAccount, importing, importingAccount, reap } from "./scripts/upkeep.ts";

export type Script = {
  readonly text: string;
  readonly digest: string;
  /** Whether it changes nothing, so that a lost reply leaves nothing unknown. */
  readonly reads: boolean;
};

export type ScriptName =
  | "commit"
  | "commitFreeing"
  | "read"
  | "events"
  | "list"
  | "scan"
  | "usage"
  | "inspect"
  | "stats"
  | "reap"
  | "erase"
  | "importing"
  | "exportingAccount"
  | "importingAccount"
  | "register"
  | "claim"
  | "owners";

export type Scripts = { readonly [name in ScriptName]: Script };

const writes = "#!lua";
/** Not refused when the server is full: they read, or make room. */
const frees = "#!lua flags=allow-oom";
const reads = "#!lua flags=no-writes";

const parts = {
  commit: [writes, shared, fields, outcomes, decide, commit],
  /** Commits that only end records and trim streams. */
  commitFreeing: [frees, shared, fields, outcomes, decide, commit],
  read: [reads, shared, fields, outcomes, read],
  events: [reads, shared, events],
  list: [reads, shared, list],
  scan: [reads, shared, scan],
  usage: [reads, shared, usage],
  inspect: [reads, shared, inspect],
  stats: [reads, shared, stats],
  reap: [frees, shared, fields, outcomes, reap],
  erase: [frees, shared, erase],
  importing: [writes, shared, importing],
  exportingAccount: [reads, shared, fields, outcomes, exportingAccount],
  importingAccount: [writes, shared, fields, outcomes, importingAccount],
  register: [writes, register],
  claim: [frees, claim],
  owners: [reads, owners],
} as const satisfies { readonly [name in ScriptName]: readonly string[] };

/** Puts the scripts together; each opening of a store does it once. */
export function assembleScripts(): Scripts {
  const scripts = Object.entries(parts).map(([name, texts]) => [name, scriptOf(texts)] as const);
  // The entries are those of the record above, one to one.
  return Object.fromEntries(scripts) as Scripts;
}

/** @param texts the first of them says by its flags whether the script changes anything. */
export function scriptOf(texts: readonly string[]): Script {
  const text = texts.join("\n");
  return { text, digest: createHash("sha1").update(text).digest("hex"), reads: text.startsWith(`${reads}\n`) };
}
