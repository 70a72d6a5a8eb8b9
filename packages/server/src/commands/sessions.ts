import { dumpAsJson, endSession, everyRecord, findRecord, summaryAsJson } from "holdfast/admin";
import { endOf, type OwnedSummary, type Owner, type Store } from "holdfast/contract";

import { type Command, defineCommand, type Invocation } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { createProgress } from "../cli/progress.ts";
import { printable } from "../cli/table.ts";
import { usage } from "../cli/usage.ts";
import { integer } from "../settings/row.ts";
import { notFound, notFoundExit } from "./looking/exits.ts";
import { noteRest } from "./looking/how-many.ts";
import { Newest } from "./looking/newest.ts";
import { isWanted, shortTime, state, stateOf, type Wanted } from "./looking/state.ts";
import { issuer, ownerIfNamed, principal } from "./looking/whose.ts";
import { openExisting } from "./open-store.ts";

const kind = "session";
const transportKind = "holdfast.transport";
const actionsCounter = "holdfast.actions";

type Own = {
  readonly principal: string | undefined;
  readonly issuer: string | undefined;
  readonly state: Wanted;
  readonly limit: number;
  readonly json: boolean;
};

type Asked = Invocation<Own> & { readonly store: Store; readonly owner: Owner | undefined };

export const sessionsCommand: Command = defineCommand<Own>({
  name: "sessions",
  summary: "list sessions, show one, or end one",
  about: [
    "Sessions of every principal, or of one. A session that is ended here is over for its client on every",
    "server within a second. Lists show the most recently used first.",
  ],
  arguments: [
    { name: "ACTION", choices: ["list", "show", "end"], help: "list, show or end" },
    { name: "ID", optional: true, help: "the session, for show and end" },
  ],
  settings: ["store", "config"],
  flags: {
    principal,
    issuer,
    state,
    limit: integer({ default: 20, min: 1, max: 100_000, group: "This command", help: "Most sessions of a list" }),
    json,
  },
  examples: [
    ["holdfast sessions list", "who is working, on the default store"],
    ["holdfast sessions show ses_…", "everything of one session, its connection included"],
    ["holdfast sessions end ses_… --store postgres://app@db/app", "throw one out"],
  ],
  exits: [notFoundExit],
  run: async (invocation) => {
    const { flags, resolved, arguments: words } = invocation;
    const [action, id] = words;
    const owner = ownerIfNamed(flags.principal, flags.issuer);
    if (action === "list" && id !== undefined) throw usage(`list takes no ID; sessions show ${id} shows one`);
    if (action !== "list" && id === undefined) throw usage(`sessions ${action ?? ""} needs ID: the session`);
    await using store = await openExisting(resolved.settings.store);
    const asked = { ...invocation, store, owner };
    if (action === "show") return await show(asked, id ?? "");
    return action === "end" ? await end(asked, id ?? "") : await list(asked);
  },
});

async function list({ store, owner, flags, out, signal }: Asked): Promise<number> {
  const { at: now } = await store.admin.scan({ limit: 1, signal });
  const newest = new Newest<OwnedSummary>(flags.limit, ({ touchedAt }) => touchedAt);
  using progress = createProgress(out, { passing: true });
  let looked = 0;
  for await (const session of everyRecord(store, { owner, kind, signal })) {
    looked += 1;
    progress.step({ what: "looking", done: looked, unit: "sessions" });
    if (isWanted(session, flags.state, now)) newest.add(session);
  }
  progress.end();
  const sessions = newest.values();
  if (out.json) {
    out.value({ total: newest.seen, sessions: sessions.map((session) => asJson(session, now)) });
    return 0;
  }
  out.table(
    [
      { title: "id" },
      { title: "state" },
      { title: "last used" },
      { title: "expires" },
      { title: "actions", align: "right" },
      { title: "label" },
      { title: "owner" },
    ],
    sessions.map((session) => [
      session.id,
      stateOf(session, now) + (session.fields["connection"] === true ? " (connection)" : ""),
      shortTime(session.touchedAt),
      shortTime(session.expiresAt),
      session.counters.get(actionsCounter) ?? 0,
      labelOf(session),
      session.owner,
    ]),
  );
  noteRest(out, { shown: sessions.length, wanted: newest.seen, looked, state: flags.state, unit: "sessions" });
  return 0;
}

async function show(asked: Asked, id: string): Promise<number> {
  const { store, out, signal } = asked;
  const found = await find(asked, id);
  if (found === undefined) return notFound;
  const { owner } = found;
  const session = await store.admin.export(owner, { kind, id }, { signal });
  if (session === undefined) return missing(asked, id);
  const transport = await store.admin.export(owner, { kind: transportKind, id }, { signal });
  const connection = transport === undefined ? null : dumpAsJson(owner, transport)["document"];
  const whole = dumpAsJson(owner, session);
  if (out.json) {
    out.value({ ...whole, connection });
    return 0;
  }
  const { at: now } = await store.admin.scan({ limit: 1, signal });
  out.line(`${out.paint.bold(id)}  ${stateOf(found, now)}, version ${found.version}`);
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["label", labelOf(found)],
    ["owner", owner],
    ["created", shortTime(found.createdAt)],
    ["last used", shortTime(found.touchedAt)],
    ["expires", shortTime(found.expiresAt)],
    ["ended", shortTime(endOf(found))],
    ["connection", connection === null ? undefined : JSON.stringify(connection)],
    ["counters", JSON.stringify(Object.fromEntries(found.counters))],
    ["streams", JSON.stringify(Object.fromEntries(found.streams))],
    ["document", JSON.stringify(whole["document"])],
  ];
  for (const [name, value] of lines) {
    if (value !== undefined) out.line(`  ${name.padEnd(12)}${printable(value)}`);
  }
  out.line(out.paint.dim(`  its actions: holdfast events ${id}`));
  return 0;
}

async function end(asked: Asked, id: string): Promise<number> {
  const { store, out, signal } = asked;
  const found = await find(asked, id);
  if (found === undefined) return notFound;
  const ended = await endSession(store, found.owner, id, { signal });
  if (out.json) out.value({ id, owner: found.owner, ended });
  else out.line(ended ? `${id} is ended` : `${id} was over already`);
  return 0;
}

async function find(asked: Asked, id: string): Promise<OwnedSummary | undefined> {
  const { store, owner, signal } = asked;
  const found = await findRecord(store, id, { owner, kind, signal });
  if (found === undefined) missing(asked, id);
  return found;
}

function missing({ out, flags }: Asked, id: string): number {
  const whose = flags.principal === undefined ? "in this store" : `of ${flags.principal}`;
  out.note(`holdfast: there is no session ${printable(id)} ${whose}`);
  return notFound;
}

function labelOf({ fields }: OwnedSummary): string | undefined {
  const { label } = fields;
  return typeof label === "string" ? label : undefined;
}

function asJson(session: OwnedSummary, now: number): Readonly<Record<string, unknown>> {
  const summary = summaryAsJson(session.owner, session);
  return { ...summary, state: stateOf(session, now), label: labelOf(session) ?? null };
}
