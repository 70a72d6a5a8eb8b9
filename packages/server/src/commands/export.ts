import { pipeline } from "node:stream/promises";
import { accountAsJson, digestOfRecord, dumpAsJson, exportOwner, StoreDigest } from "holdfast/admin";
import type { Owner, Store } from "holdfast/contract";

import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { createProgress } from "../cli/progress.ts";
import { keysToOpen } from "../sealing/choose.ts";
import { optionalText } from "../settings/row.ts";
import { notFound, notFoundExit } from "./looking/exits.ts";
import { hasAnythingOf, issuer, ownerNamed, principalHelp } from "./looking/whose.ts";
import { openExisting } from "./open-store.ts";
import { WholeFile } from "./whole-file.ts";

export const exportCommand: Command = defineCommand({
  name: "export",
  summary: "write out everything of one principal",
  about: [
    "One JSON object a line: what this is, then every record with all of its events in the order they were created,",
    "then what is kept besides (version floors, remembered idempotency keys), then how many records there were,",
    "so that output that was cut short can be told. With --out the file appears when it is whole; until then",
    "holdfast-export-….part lies beside it. --json says on stdout what became of it.",
  ],
  arguments: [{ name: "PRINCIPAL", help: principalHelp }],
  settings: ["store", "sealKeys", "config"],
  flags: {
    json,
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
    const written: Written = { records: 0, events: 0 };
    if (flags.out === undefined) {
      await pipeline(linesOf({ store, owner, name, at, signal, written }), process.stdout, { end: false });
      return 0;
    }
    using progress = createProgress(out, { tellShort: false });
    const { records: of } = await store.usage(owner, { signal });
    const told = (done: number): void => progress.step({ what: "writing", done, of, unit: "records" });
    await using file = await WholeFile.begin(flags.out);
    try {
      await file.fill(linesOf({ store, owner, name, at, signal, written, told }));
      progress.end();
    } catch (error) {
      // Half an export is worse than none: it would have to be told from a whole one.
      progress.end();
      out.note(`${flags.out} was not finished, and nothing of it is kept`);
      throw error;
    }
    const { records, events } = written;
    if (out.json) out.value({ principal: name, file: flags.out, records, events });
    else out.note(`${counted(records, "record")} and ${counted(events, "event")} of ${name} are in ${flags.out}`);
    return 0;
  },
});

/** What has been written so far. */
type Written = { records: number; events: number };

type Writing = {
  readonly store: Store;
  readonly owner: Owner;
  readonly name: string;
  readonly at: number;
  readonly signal: AbortSignal;
  readonly written: Written;
  /** Called with how many records were written so far. */
  readonly told?: (records: number) => void;
};

async function* linesOf({ store, owner, name, at, signal, written, told }: Writing): AsyncGenerator<string> {
  const digest = new StoreDigest();
  yield lineOf({
    holdfast: "export",
    format: 1,
    principal: name,
    owner,
    exported_at: new Date(at).toISOString(),
  });
  for await (const part of exportOwner(store, owner, { signal })) {
    if (part.part === "account") {
      yield lineOf({ holdfast: "account", ...accountAsJson(part.page) });
      continue;
    }
    const { dump } = part;
    digest.add(digestOfRecord(owner, dump));
    yield lineOf(dumpAsJson(owner, dump));
    written.records = digest.records;
    written.events += Object.values(dump.events).flat().length;
    told?.(digest.records);
  }
  yield lineOf({ holdfast: "end", ...written, digest: digest.toString() });
}

function lineOf(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
}
