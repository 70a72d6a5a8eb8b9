import { resealStore } from "holdfast/admin";
import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { createProgress } from "../cli/progress.ts";
import { usage } from "../cli/usage.ts";
import { kindsFor } from "../kinds.ts";
import { keysToOpen } from "../sealing/choose.ts";
import { openExisting } from "./open-store.ts";

const unopened = 3;

export const resealCommand: Command = defineCommand({
  name: "reseal",
  summary: "bring what is stored under the sealing key that is current",
  about: [
    "Seals each document anew that is under another key, or under none, while servers run. Give every server the",
    "new key first, beside the old one. Events are never written again: a key stays until nothing is left under it.",
  ],
  settings: ["store", "sealKeys", "config"],
  flags: { json },
  examples: [["holdfast reseal --seal-keys seal.json", "after a new key was made the current one"]],
  exits: [[unopened, "some documents did not open; they were left as they are"]],
  run: async ({ resolved: { settings }, out, signal }) => {
    const keys = await keysToOpen(settings);
    if (keys === undefined) throw usage("without keys there is nothing to seal with: give --seal-keys FILE");
    await using store = await openExisting(settings.store);
    const progress = createProgress(out);
    const { records: of } = await store.admin.stats({ signal });
    const report = await resealStore(store, {
      keys,
      kinds: kindsFor(settings),
      everything: settings.sealKeys !== undefined,
      signal,
      onProgress: ({ records }) => progress.step({ what: "sealing", done: records, of, unit: "records" }),
    });
    progress.end();
    const { records, resealed, broken, left } = report;
    if (out.json) out.value({ records, resealed, broken, left: Object.fromEntries(left) });
    else {
      out.line(`${records} ${records === 1 ? "record" : "records"} looked at, ${resealed} sealed anew`);
      for (const [id, count] of left)
        out.line(`${count} documents and events are ${id === "" ? "not sealed" : `under the key ${id}`}`);
      if (broken > 0)
        out.line(out.paint.bad(`${broken} documents do not open: their key is gone, or they were changed`));
      else if (left.size === 0) out.line(out.paint.good("all is under the current key; others may go"));
    }
    return broken > 0 ? unopened : 0;
  },
});
