import { localUser, ownerOfIdentity, putCopy } from "holdfast/admin";

import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { usage } from "../cli/usage.ts";
import { keysToOpen } from "../sealing/choose.ts";
import { notFound, notFoundExit } from "./looking/exits.ts";
import { findSourced } from "./looking/sourced.ts";
import { shortTime } from "./looking/state.ts";
import { openExisting } from "./open-store.ts";

export const atCommand: Command = defineCommand({
  name: "at",
  summary: "show what a workflow was at a position of its log, or at a time",
  about: [
    "Replays the events of a record up to there, on a copy: nothing is changed, and nothing lives longer for having",
    "been looked at.",
  ],
  arguments: [
    { name: "ID", help: "the workflow" },
    { name: "POSITION", help: "how many events to replay, or a time such as 2026-11-25T08:00:00Z" },
  ],
  settings: ["store", "sealKeys", "config"],
  flags: { json },
  examples: [
    ["holdfast at wf_… 3", "after its third event"],
    ["holdfast at wf_… 2026-11-25T08:00:00Z", "at eight in the morning, UTC"],
  ],
  exits: [notFoundExit],
  run: async ({ resolved, arguments: [id = "", position = ""], out, signal }) => {
    const when = whenOf(position);
    await using store = await openExisting(resolved.settings.store, await keysToOpen(resolved.settings));
    const found = await findSourced(store, id, out, signal);
    const dump = found && (await store.admin.export(found.owner, found, { signal }));
    if (dump === undefined) return notFound;
    // What replays events is loaded only where it is needed.
    const [{ holdfast }, { memoryStore }, { sourcedKinds: kinds }] = await Promise.all([
      import("holdfast"),
      import("holdfast/stores/memory"),
      import("../kinds.ts"),
    ]);
    await using copies = await memoryStore();
    await putCopy(copies, ownerOfIdentity(localUser), dump);
    await using hold = await holdfast({ store: copies, kinds });
    const past = await hold.state(localUser).workflow.at(id, when, { signal });
    const head = dump.record.streams.get("events")?.head ?? 0;
    if (out.json) {
      out.value({ id, kind: dump.record.kind, position: past.position, at: past.at ?? null, head, value: past.value });
      return 0;
    }
    const moment = past.at === undefined ? "before the first event" : (shortTime(past.at.getTime()) ?? "");
    out.line(`${out.paint.bold(id)}  at position ${past.position} of ${head}, ${moment}`);
    out.line(JSON.stringify(past.value, null, 2));
    return 0;
  },
});

function whenOf(text: string): number | Date {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const at = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(at.getTime())) return at;
  throw usage(`POSITION is a whole number or a time such as 2026-11-25T08:00:00Z, and ${JSON.stringify(text)} is not`);
}
