import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hold } from "holdfast";

import type { ChosenAuthentication } from "../auth/choose.ts";
import type { Output } from "../cli/output.ts";
import type { Kinds } from "../kinds.ts";
import type { ChosenSealing } from "../sealing/choose.ts";
import type { Settings } from "../settings/table.ts";
import { withoutPassword } from "../settings/without-password.ts";
import { packageVersion } from "../version.ts";

/** What starts, in the names that `--json` gives it. No secret is in it. */
export type StartFacts = {
  readonly node: string;
  readonly pid: number;
  readonly version: string;
  readonly runtime: string;
  readonly store: string;
  readonly durability: string;
  readonly authentication: string;
  readonly sealed: string;
  /** The revisions of the protocol, by their years. */
  readonly eras: readonly string[];
  readonly warnings: readonly string[];
};

export async function startFacts(
  node: string,
  hold: Hold<Kinds>,
  settings: Settings,
  authentication: ChosenAuthentication,
  sealing: ChosenSealing,
): Promise<StartFacts> {
  const { durability, warnings } = await hold.health();
  return {
    node,
    pid: process.pid,
    version: packageVersion(),
    runtime: `Node ${process.versions.node}`,
    store: withoutPassword(settings.store),
    durability,
    authentication: authentication.summary,
    sealed: sealing.summary,
    eras: ["2025", "2026"],
    warnings: [...authentication.warnings, ...warnings],
  };
}

/** Says on stderr what starts, where its state lies and who may call. */
export function announceStart(facts: StartFacts): void {
  say(`holdfast ${facts.version} on ${facts.runtime}`);
  say(`store: ${facts.store} (${facts.durability})`);
  say(`authentication: ${facts.authentication}`);
  say(`sealed: ${facts.sealed}`);
  for (const warning of facts.warnings) say(`warning: ${warning}`);
}

/** Says where it listens, in the form that scripts wait for, and how to point a client at it; with `--json` on stdout too. */
export function announceListening(url: string, settings: Settings, facts: StartFacts, out: Output): void {
  if (out.json) out.line(JSON.stringify({ url, ...facts }));
  say(`listening on ${url}`);
  say(`to connect over HTTP, give your client the URL ${url}`);
  say("to connect a desktop client over stdio, add this to its configuration:");
  say(JSON.stringify(desktopEntry(settings)));
}

/** The entry that desktop clients want: this very program, on the same store. */
function desktopEntry(settings: Pick<Settings, "store">): Readonly<Record<string, unknown>> {
  const bin = fileURLToPath(new URL("../../bin/holdfast.js", import.meta.url));
  return {
    mcpServers: {
      holdfast: { command: process.execPath, args: [bin, "serve", "--stdio", ...storeFlag(settings.store)] },
    },
  };
}

function storeFlag(store: string): readonly string[] {
  // What a memory store holds is out of another process's reach: the entry leaves it to the default.
  if (store.startsWith("memory:")) return [];
  // Desktop clients start programs in a folder of their own choice. A password is for the reader to put in: this is printed.
  const place = store.startsWith("sqlite:")
    ? `sqlite:${resolve(store.slice("sqlite:".length))}`
    : withoutPassword(store);
  return ["--store", place];
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
