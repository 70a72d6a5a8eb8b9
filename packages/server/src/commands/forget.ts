import { everyRecord, type Forgotten, forgetOwner } from "holdfast/admin";
import { isHoldfastError, type Owner, type Store } from "holdfast/contract";

import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import type { Output } from "../cli/output.ts";
import { createProgress } from "../cli/progress.ts";
import { flag } from "../settings/row.ts";
import { confirmByTyping } from "./looking/confirm.ts";
import { notFound, notFoundExit } from "./looking/exits.ts";
import { hasAnythingOf, issuer, ownerNamed, principalHelp } from "./looking/whose.ts";
import { openExisting } from "./open-store.ts";

const declined = 4;

export const forgetCommand: Command = defineCommand({
  name: "forget",
  summary: "erase everything of one principal",
  about: [
    "Removes every record of a principal for good: sessions, documents, events, connections; and ends the grants",
    "it gave and received. What is left is a digest of who it was and what its versions had come to, so that none",
    "is ever used twice. Events that it caused in records of others stay theirs; backups and exports are yours to",
    "erase.",
  ],
  arguments: [{ name: "PRINCIPAL", help: principalHelp }],
  settings: ["store", "config"],
  flags: {
    issuer,
    yes: flag({ default: false, group: "This command", help: "Do not ask" }),
    json,
  },
  examples: [
    ["holdfast export alice --out alice.jsonl && holdfast forget alice", "hand it over, then erase it"],
    ["holdfast forget owner:DIGEST --yes", "unasked, by the digest that lists show"],
  ],
  exits: [notFoundExit, [declined, "not confirmed"], [130, "interrupted: run it again to erase the rest"]],
  run: async ({ flags, resolved, arguments: [name = ""], out, signal }) => {
    const owner = ownerNamed(name, flags.issuer);
    await using store = await openExisting(resolved.settings.store);
    if (!(await hasAnythingOf(store, owner, signal))) {
      out.note(`holdfast: nothing of ${name} is in this store`);
      return notFound;
    }
    const { records: live, bytes } = await store.usage(owner, { signal });
    using counting = createProgress(out, { passing: true });
    let records = 0;
    for await (const _ of everyRecord(store, { owner, signal })) {
      records += 1;
      counting.step({ what: "counting", done: records, of: Math.max(live, records), unit: "records" });
    }
    counting.end();
    const what = `${records} records of ${name} (${bytes} bytes)`;
    if (!flags.yes && !(await confirmByTyping(`This erases ${what}, for good.`, name, signal))) {
      out.note("nothing was erased");
      return declined;
    }
    const { records: erased, grants } = await erase(store, owner, out, signal);
    if (out.json) out.value({ principal: name, owner, erased, grants });
    else out.line(`erased ${erased} records of ${name}, and ended ${grants} grants given and received`);
    return 0;
  },
});

async function erase(store: Store, owner: Owner, out: Output, signal: AbortSignal): Promise<Forgotten> {
  using progress = createProgress(out, { tellShort: false });
  let erased = 0;
  try {
    return await forgetOwner(store, owner, {
      signal,
      onProgress: (told) => {
        if (told.phase === "looking") {
          progress.step({ what: "looking", done: told.grants, unit: "grants of everybody" });
          return;
        }
        erased = told.records;
        progress.step({ what: "erasing", done: told.records, of: told.of, unit: "records" });
      },
    });
  } catch (error) {
    progress.end();
    if (isHoldfastError(error, "ABORTED")) {
      out.note(`interrupted; ${erased} records are erased, and the same command erases the rest`);
    }
    throw error;
  }
}
