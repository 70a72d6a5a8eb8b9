import { resolve } from "node:path";
import { type Difference, type MoveReport, type MoveRisk, moveStore } from "holdfast/admin";
import { isHoldfastError, type Store } from "holdfast/contract";
import { type Command, defineCommand, type Invocation } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import type { Output } from "../cli/output.ts";
import { createProgress } from "../cli/progress.ts";
import { usage } from "../cli/usage.ts";
import { list, optionalText } from "../settings/row.ts";
import { withoutPassword } from "../settings/without-password.ts";
import { openExisting, openNamed } from "./open-store.ts";

const group = "This command";
const differencesShown = 20;

const exits = {
  refused: 3,
  different: 4,
} as const;

type Own = {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly accept: readonly string[] | undefined;
  readonly json: boolean;
};

export const migrateCommand: Command = defineCommand<Own>({
  name: "migrate",
  summary: "bring a store's schema up to date, or move everything into another store",
  about: [
    "Without --from and --to it brings the schema of --store up to date, as every start of a server does.",
    "With them it copies everything of one store into another and holds both against each other. Stop every",
    "server that uses the source first. Killed or stopped, the same command goes on where it was.",
  ],
  settings: ["store", "config"],
  flags: {
    from: optionalText({
      placeholder: "URL",
      group,
      inFile: "text",
      help: "The store that everything is in; it is only read",
    }),
    to: optionalText({
      placeholder: "URL",
      group,
      inFile: "text",
      help: "The store that everything goes into; made if missing",
    }),
    accept: list({ placeholder: "RISKS", group, help: "other-data: the destination may hold something already" }),
    json,
  },
  examples: [
    ["holdfast migrate --store postgres://app@db/app", "the schema, before the new release is started"],
    ["holdfast migrate --from sqlite:./state.db --to postgres://app@db/app", "one machine has become too small"],
  ],
  exits: [
    [exits.refused, "the destination was refused"],
    [exits.different, "the stores differ"],
    [130, "interrupted: run it again to go on"],
  ],
  run: async (invocation) => {
    const { from, to } = invocation.flags;
    if (from === undefined && to === undefined) return await migrateSchema(invocation);
    if (from === undefined || to === undefined) throw usage("a move needs both --from URL and --to URL");
    return await moveHouse(invocation, from, to);
  },
});

async function migrateSchema({ resolved, out, signal, flags }: Invocation<Own>): Promise<number> {
  if (flags.accept !== undefined) throw usage("--accept is for a move: give --from URL and --to URL too");
  const { store: url } = resolved.settings;
  await using store = await openNamed(url);
  const { details, warnings } = await store.health({ signal });
  const schema = details["schema"];
  const answer = { store: withoutPassword(url), kind: store.traits.name, schema: schema ?? null, warnings };
  if (out.json) out.value(answer);
  else {
    const known =
      schema === undefined ? "has no schema to bring up to date" : `schema ${schema.toString()}, up to date`;
    out.line(`${answer.store}: ${known}`);
    for (const warning of warnings) out.note(`${out.paint.warn("warning:")} ${warning}`);
  }
  return 0;
}

async function moveHouse({ flags, out, signal }: Invocation<Own>, from: string, to: string): Promise<number> {
  const accept = risksOf(flags.accept ?? []);
  if (samePlace(from, to)) throw usage("--from and --to name the same store; there is nothing to move");
  await using source = await openExisting(from);
  refuseMemory(to);
  await using destination = await openNamed(to);
  for (const warning of await warningsOf(source, destination, signal)) out.note(warning);
  const progress = createProgress(out);
  let begun = false;
  let report: MoveReport;
  try {
    report = await moveStore({
      from: source,
      to: destination,
      source: withoutPassword(from),
      accept,
      signal,
      onProgress: ({ phase, records, of }) => {
        begun = true;
        progress.step({ what: phase, done: records, of: of.records, unit: "records" });
      },
    });
  } catch (error) {
    progress.end();
    if (isHoldfastError(error, "ABORTED")) out.note("interrupted; run the same command again to go on");
    else if (begun) out.note("the move has stopped in the middle; run the same command again to go on");
    if (!isHoldfastError(error, "CONFLICT")) throw error;
    out.note(`holdfast: ${error.message.replace("accept other-data", "say --accept other-data")}`);
    return exits.refused;
  }
  progress.end();
  tell(out, report, { from: withoutPassword(from), to: withoutPassword(to) });
  return report.ok ? 0 : exits.different;
}

function samePlace(from: string, to: string): boolean {
  const path = (url: string): string => (url.startsWith("sqlite:") ? resolve(url.slice("sqlite:".length)) : url);
  return path(from) === path(to);
}

function risksOf(given: readonly string[]): readonly MoveRisk[] {
  return given.map((name) => {
    if (name === "other-data") return name;
    throw usage(`--accept takes other-data, and ${JSON.stringify(name)} is not`);
  });
}

function refuseMemory(url: string): void {
  if (!url.startsWith("memory:")) return;
  throw usage("what is moved into a memory: store is gone with this command; name another destination with --to");
}

async function warningsOf(from: Store, to: Store, signal: AbortSignal): Promise<readonly string[]> {
  const { records } = await from.admin.scan({ kind: "holdfast.node", limit: 100, signal });
  const { at } = await from.admin.scan({ limit: 1, signal });
  const alive = records.filter(({ expiresAt, endedAt }) => endedAt === undefined && (expiresAt ?? at) > at);
  const { warnings } = await to.health({ signal });
  return [
    ...(alive.length > 0 ? [`warning: ${alive.length} running servers use the source; stop them first`] : []),
    ...warnings.map((warning) => `warning: the destination: ${warning}`),
  ];
}

function tell(out: Output, report: MoveReport, urls: { readonly from: string; readonly to: string }): void {
  if (out.json) {
    out.value({ ...urls, ...report });
    return;
  }
  const { counts, verified, resumed, ok, differing, differences, changedSince } = report;
  out.table(
    [{ title: resumed ? "this time" : "moved" }, { title: "count", align: "right" }],
    [
      ["records", counts.records],
      ["events", counts.events],
      ["bytes", counts.bytes],
      ["commit ids of callers", counts.commitIds],
      ...(counts.alreadyThere > 0 ? [["records that were there already", counts.alreadyThere] as const] : []),
      ...(counts.refused > 0 ? [["records the destination refused", counts.refused] as const] : []),
    ],
  );
  out.line("");
  out.line(`source       ${verified.from.records} records, ${verified.from.digest}`);
  out.line(`destination  ${verified.to.records} records, ${verified.to.digest}`);
  if (ok) {
    out.line(out.paint.good("verified: both hold the same; start your servers on the destination"));
    return;
  }
  out.line("");
  out.table(
    [{ title: "what" }, { title: "owner" }, { title: "kind" }, { title: "id" }],
    differences.slice(0, differencesShown).map(differenceRow),
  );
  if (differing > differencesShown) out.line(`… ${differing - differencesShown} more`);
  out.line(out.paint.bad(`not verified: ${differing} differences; ${adviceOn(changedSince)}`));
}

function adviceOn(changedSince: boolean): string {
  return changedSince
    ? "the source was written to meanwhile: stop every server that uses it, and run the same command again"
    : "run the same command again to copy what differs; if it stays, look at the disk of the destination";
}

function differenceRow({ what, owner, key }: Difference): readonly (string | undefined)[] {
  return [what, owner, key?.kind, key?.id];
}
