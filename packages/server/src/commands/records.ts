import { dumpAsJson, everyRecord, findRecord, summaryAsJson } from "holdfast/admin";
import type { OwnedSummary } from "holdfast/contract";

import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { createProgress } from "../cli/progress.ts";
import { printable } from "../cli/table.ts";
import { usage } from "../cli/usage.ts";
import { keysToOpen } from "../sealing/choose.ts";
import { integer, optionalText } from "../settings/row.ts";
import { notFound, notFoundExit } from "./looking/exits.ts";
import { noteRest } from "./looking/how-many.ts";
import { Newest } from "./looking/newest.ts";
import { isWanted, shortTime, state, stateOf, type Wanted } from "./looking/state.ts";
import { issuer, ownerIfNamed, principal } from "./looking/whose.ts";
import { openExisting } from "./open-store.ts";

type Own = {
  readonly kind: string | undefined;
  readonly principal: string | undefined;
  readonly issuer: string | undefined;
  readonly state: Wanted;
  readonly limit: number;
  readonly json: boolean;
};

export const recordsCommand: Command = defineCommand<Own>({
  name: "records",
  summary: "list the records of a store, or show one whole",
  about: [
    "Records of every kind and principal, most recently used first. With an ID, that one whole: document, counters",
    "and events, whatever its state. The engine's own kinds begin with holdfast.",
  ],
  arguments: [{ name: "ID", optional: true, help: "the record to show" }],
  settings: ["store", "sealKeys", "config"],
  flags: {
    kind: optionalText({ placeholder: "KIND", group: "This command", help: "Only records of this kind" }),
    principal,
    issuer,
    state,
    limit: integer({ default: 20, min: 1, max: 100_000, group: "This command", help: "Most records of a list" }),
    json,
  },
  examples: [
    ["holdfast records --kind basket --state all", "baskets, ended ones included"],
    ["holdfast records bsk_… --json", "one record with all of its events"],
  ],
  exits: [notFoundExit],
  run: async ({ flags, resolved, arguments: [id], out, signal }) => {
    const owner = ownerIfNamed(flags.principal, flags.issuer);
    if (flags.kind !== undefined && !/^[a-z][a-z0-9.-]{0,63}$/.test(flags.kind)) {
      throw usage(`--kind has to be the name of a kind, such as session, and ${JSON.stringify(flags.kind)} is not`);
    }
    await using store = await openExisting(resolved.settings.store, await keysToOpen(resolved.settings));
    const { at: now } = await store.admin.scan({ limit: 1, signal });
    const where = { owner, kind: flags.kind, signal };
    if (id !== undefined) {
      const found = await findRecord(store, id, where);
      const dump = found && (await store.admin.export(found.owner, found, { signal }));
      if (found === undefined || dump === undefined) {
        out.note(`holdfast: there is no record ${printable(id)} here`);
        return notFound;
      }
      const whole = { state: stateOf(found, now), ...dumpAsJson(found.owner, dump) };
      if (out.json) out.value(whole);
      else for (const [name, value] of Object.entries(whole)) out.line(`${name.padEnd(18)}${shown(value)}`);
      return 0;
    }
    const newest = new Newest<OwnedSummary>(flags.limit, ({ touchedAt }) => touchedAt);
    using progress = createProgress(out, { passing: true });
    let looked = 0;
    for await (const record of everyRecord(store, where)) {
      looked += 1;
      progress.step({ what: "looking", done: looked, unit: "records" });
      if (isWanted(record, flags.state, now)) newest.add(record);
    }
    progress.end();
    const records = newest.values();
    if (out.json) {
      const list = records.map((record) => ({
        ...summaryAsJson(record.owner, record),
        state: stateOf(record, now),
      }));
      out.value({ total: newest.seen, records: list });
      return 0;
    }
    out.table(
      [
        { title: "kind" },
        { title: "id" },
        { title: "state" },
        { title: "version", align: "right" },
        { title: "bytes", align: "right" },
        { title: "events", align: "right" },
        { title: "last used" },
        { title: "owner" },
      ],
      records.map((record) => [
        record.kind,
        record.id,
        stateOf(record, now),
        record.version,
        record.documentBytes,
        [...record.streams.values()].reduce((sum, { head }) => sum + head, 0),
        shortTime(record.touchedAt),
        record.owner,
      ]),
    );
    noteRest(out, { shown: records.length, wanted: newest.seen, looked, state: flags.state, unit: "records" });
    return 0;
  },
});

function shown(value: unknown): string {
  return printable(typeof value === "string" ? value : JSON.stringify(value));
}
