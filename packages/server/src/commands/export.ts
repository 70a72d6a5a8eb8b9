import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { accountAsJson, digestOfRecord, dumpAsJson, exportOwner, StoreDigest } from "holdfast/admin";
import { HoldfastError } from "holdfast/contract";

import { type Command, defineCommand } from "../cli/command.ts";
import { createProgress } from "../cli/progress.ts";
import { keysToOpen } from "../sealing/choose.ts";
import { optionalText } from "../settings/row.ts";
import { notFound, notFoundExit } from "./looking/exits.ts";
import { hasAnythingOf, issuer, ownerNamed, principalHelp } from "./looking/whose.ts";
import { openExisting } from "./open-store.ts";

export const exportCommand: Command = defineCommand({
  name: "export",
  summary: "write out everything of one principal",
  about: [
    "One JSON object a line: what this is, then every record with all of its events in the order they were created,",
    "then what is kept besides (version floors, remembered idempotency keys), then how many records there were,",
    "so that a file that was cut short can be told.",
  ],
  arguments: [{ name: "PRINCIPAL", help: principalHelp }],
  settings: ["store", "sealKeys", "config"],
  flags: {
    issuer,
    out: optionalText({ placeholder: "FILE", group: "This command", help: "Into this new file instead of stdout" }),
  },
  examples: [["holdfast export alice --out alice.jsonl", "what alice may ask for"]],
  exits: [notFoundExit],
  run: async ({ flags, resolved, arguments: [name = ""], out, signal }) => {
    const owner = ownerNamed(name, flags.issuer);
    await using store = await openExisting(resolved.settings.store, await keysToOpen(resolved.settings));
    const { at } = await store.admin.scan({ owner, limit: 1, signal });
    if (!(await hasAnythingOf(store, owner, signal))) {
      out.note(`holdfast: nothing of ${name} is in this store`);
      return notFound;
    }
    const sink = flags.out === undefined ? process.stdout : await newFile(flags.out);
    const write = (value: unknown): Promise<void> => writeLine(sink, value);
    const digest = new StoreDigest();
    // Beside an answer on stdout, a line that is redrawn would be in its way.
    const progress = sink === process.stdout ? undefined : createProgress(out, { tellShort: false });
    const { records: of } = await store.usage(owner, { signal });
    let events = 0;
    await write({
      holdfast: "export",
      format: 1,
      principal: name,
      owner,
      exported_at: new Date(at).toISOString(),
    });
    for await (const part of exportOwner(store, owner, { signal })) {
      if (part.part === "account") {
        await write({ holdfast: "account", ...accountAsJson(part.page) });
        continue;
      }
      const { dump } = part;
      digest.add(digestOfRecord(owner, dump));
      events += Object.values(dump.events).flat().length;
      await write(dumpAsJson(owner, dump));
      progress?.step({ what: "writing", done: digest.records, of, unit: "records" });
    }
    progress?.end();
    await write({ holdfast: "end", records: digest.records, events, digest: digest.toString() });
    if (sink !== process.stdout) {
      sink.end();
      await finished(sink);
      out.note(
        `${counted(digest.records, "record")} and ${counted(events, "event")} of ${name} are in ${flags.out ?? ""}`,
      );
    }
    return 0;
  },
});

/** Readable by its owner only. Throws `CONFIGURATION` for a file that is there: nothing is overwritten. */
async function newFile(path: string): Promise<Writable> {
  const file = createWriteStream(path, { flags: "wx", mode: 0o600 });
  try {
    await once(file, "open");
  } catch (cause) {
    const there = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    const reason = cause instanceof Error ? cause.message : String(cause);
    const told = there
      ? "is there already, and nothing is overwritten; name another file"
      : `cannot be made: ${reason}`;
    throw new HoldfastError("CONFIGURATION", `${path} ${told}`, { cause });
  }
  return file;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
}

async function writeLine(sink: Writable, value: unknown): Promise<void> {
  if (!sink.write(`${JSON.stringify(value)}\n`)) await once(sink, "drain");
}
