import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hold } from "holdfast";

import type { ChosenAuthentication } from "../auth/choose.ts";
import type { Kinds } from "../kinds.ts";
import type { ChosenSealing } from "../sealing/choose.ts";
import type { Settings } from "../settings/table.ts";
import { withoutPassword } from "../settings/without-password.ts";
import { packageVersion } from "../version.ts";

/** Says on stderr what starts, where its state lies and who may call. */
export async function announceStart(
  hold: Hold<Kinds>,
  settings: Settings,
  { summary, warnings }: ChosenAuthentication,
  sealing: ChosenSealing,
): Promise<void> {
  const health = await hold.health();
  say(`holdfast ${packageVersion()} on Node ${process.versions.node}`);
  say(`store: ${withoutPassword(settings.store)} (${health.durability})`);
  say(`authentication: ${summary}`);
  say(`sealed: ${sealing.summary}`);
  for (const warning of [...warnings, ...health.warnings]) say(`warning: ${warning}`);
}

/** Says where it listens, in the form that scripts wait for, and how to point a client at it. */
export function announceListening(url: string, settings: Settings): void {
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
