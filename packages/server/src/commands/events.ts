import { eventAsJson, findRecord } from "holdfast/admin";
import type { OwnedSummary, Store, StoredEvent } from "holdfast/contract";

import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { createProgress } from "../cli/progress.ts";
import { printable } from "../cli/table.ts";
import { keysToOpen } from "../sealing/choose.ts";
import { flag, integer, optionalText } from "../settings/row.ts";
import { notFound, notFoundExit } from "./looking/exits.ts";
import { type Moment, moment } from "./looking/moment.ts";
import { shortTime } from "./looking/state.ts";
import { issuer, ownerIfNamed, principal } from "./looking/whose.ts";
import { openExisting } from "./open-store.ts";

const group = "This command";

type Own = {
  readonly stream: string | undefined;
  readonly type: string | undefined;
  readonly agent: string | undefined;
  readonly since: Moment | undefined;
  readonly until: Moment | undefined;
  readonly after: number;
  readonly limit: number;
  readonly newest: boolean;
  readonly kind: string | undefined;
  readonly principal: string | undefined;
  readonly issuer: string | undefined;
  readonly json: boolean;
};

type Shown = StoredEvent & {
  readonly stream: string;
  readonly type: string | undefined;
  readonly agent: string | undefined;
};

export const eventsCommand: Command = defineCommand<Own>({
  name: "events",
  summary: "show the events of a record: who did what, and when",
  about: [
    "The log of a session, a workflow or any other record, oldest first: its actions, turns and domain events.",
    "Ended records are shown as long as they are retained.",
  ],
  arguments: [{ name: "ID", help: "the record" }],
  settings: ["store", "sealKeys", "config"],
  flags: {
    stream: optionalText({ placeholder: "NAME", group, help: "Only of this stream: actions, turns, events …" }),
    type: optionalText({ placeholder: "TYPE", group, help: "Only events of this type; of turns, the tool" }),
    agent: optionalText({ placeholder: "AGENT", group, help: "Only what this agent did" }),
    since: moment({ group, help: "Not before: an ISO time, or how long ago (2h)" }),
    until: moment({ group, help: "Before: an ISO time, or how long ago" }),
    after: integer({ default: 0, min: 0, max: Number.MAX_SAFE_INTEGER, group, help: "Only after this position" }),
    limit: integer({ default: 100, min: 1, max: 1_000_000, group, help: "Most events shown" }),
    newest: flag({ default: false, group, help: "From the newest back" }),
    kind: optionalText({ placeholder: "KIND", group, help: "The kind of the record, where it is not found without" }),
    principal,
    issuer,
    json,
  },
  examples: [
    ["holdfast events ses_… --since 1h", "what happened in a session within the last hour"],
    ["holdfast events wfl_… --agent planner --type step_completed", "what one agent did to a workflow"],
  ],
  exits: [notFoundExit],
  run: async ({ flags, resolved, arguments: [id = ""], out, signal }) => {
    const owner = ownerIfNamed(flags.principal, flags.issuer);
    await using store = await openExisting(resolved.settings.store, await keysToOpen(resolved.settings));
    const record = await findRecord(store, id, { owner, kind: flags.kind, signal });
    if (record === undefined) {
      out.note(`holdfast: there is no record ${printable(id)} here`);
      return notFound;
    }
    const { at: now } = await store.admin.scan({ limit: 1, signal });
    const found: Shown[] = [];
    using progress = createProgress(out, { passing: true });
    let looked = 0;
    const onLook = (): void => {
      looked += 1;
      progress.step({ what: "looking", done: looked, unit: "events" });
    };
    for (const stream of streamsOf(record, flags.stream)) {
      // One by one: there may be more than a call has arguments.
      for (const event of await eventsOf({ store, record, stream, flags, now, signal, onLook })) found.push(event);
    }
    progress.end();
    const direction = flags.newest ? -1 : 1;
    found.sort((one, other) => direction * (one.at - other.at || one.position - other.position));
    tell(found.slice(0, flags.limit), found.length > flags.limit);
    return 0;

    function tell(events: readonly Shown[], more: boolean): void {
      if (out.json) {
        out.value({ id, kind: record?.kind, events: events.map(asJson), more });
        return;
      }
      out.table(
        [
          { title: "position", align: "right" },
          { title: "at" },
          { title: "stream" },
          { title: "type" },
          { title: "agent" },
          { title: "what" },
        ],
        events.map((event) => [
          event.position,
          shortTime(event.at),
          event.stream,
          event.type,
          event.agent,
          whatOf(event),
        ]),
      );
      if (events.length === 0) out.note("no event of it is what was asked for");
      if (more) out.note(`more than ${flags.limit}; --limit N shows more, --after N goes on`);
    }
  },
});

function streamsOf({ streams }: OwnedSummary, wanted: string | undefined): readonly string[] {
  return [...streams.keys()].filter((name) => wanted === undefined || name === wanted);
}

type Look = {
  readonly store: Store;
  readonly record: OwnedSummary;
  readonly stream: string;
  readonly flags: Own;
  readonly now: number;
  readonly signal: AbortSignal;
  readonly onLook: () => void;
};

async function eventsOf({ store, record, stream, flags, now, signal, onLook }: Look): Promise<readonly Shown[]> {
  const order = flags.newest ? "newest" : "oldest";
  const matching: Shown[] = [];
  for await (const event of pagesOf(store, record, stream, { after: flags.after, order, signal })) {
    onLook();
    const shown = { ...event, stream, ...kindOf(event) };
    if (isWanted(shown, flags, now)) matching.push(shown);
    // One more than is shown tells that there is more.
    if (matching.length > flags.limit) break;
  }
  return matching;
}

type Range = { readonly after: number; readonly order: "oldest" | "newest"; readonly signal: AbortSignal };

async function* pagesOf(store: Store, record: OwnedSummary, stream: string, range: Range): AsyncGenerator<StoredEvent> {
  const { order, signal } = range;
  let { after } = range;
  let before: number | undefined;
  for (;;) {
    const page = await store.events(record.owner, record, stream, { after, before, order, limit: 1_000, signal });
    if (page === undefined) break;
    yield* page.events;
    const last = page.events.at(-1)?.position;
    if (!page.more || last === undefined) return;
    if (order === "oldest") after = last;
    else before = last;
  }
  // Not live: what is retained is seen through the privileged door only, and in one piece.
  const dump = await store.admin.export(record.owner, record, { signal });
  const events = (dump?.events[stream] ?? []).filter(({ position }) => position > after);
  yield* order === "oldest" ? events : events.toReversed();
}

/** Type and agent of an event, whoever wrote it: an action, a turn, an event of an event-sourced kind. */
function kindOf({ data }: StoredEvent): Pick<Shown, "type" | "agent"> {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return { type: undefined, agent: undefined };
  }
  if (typeof value !== "object" || value === null) return { type: undefined, agent: undefined };
  const { type, tool, by } = value as Readonly<Record<string, unknown>>;
  const agent = typeof by === "object" && by !== null && "agent" in by ? by.agent : undefined;
  return { type: textOf(type) ?? textOf(tool), agent: textOf(agent) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isWanted(event: Shown, { type, agent, since, until }: Own, now: number): boolean {
  if (type !== undefined && event.type !== type) return false;
  if (agent !== undefined && event.agent !== agent) return false;
  if (since !== undefined && event.at < since(now)) return false;
  return until === undefined || event.at < until(now);
}

function whatOf({ data }: Shown): string {
  const { data: value } = eventAsJson({ position: 0, at: 0, data });
  if (typeof value !== "object" || value === null) return data;
  const { type: _type, by: _by, v: _v, ...rest } = value as Readonly<Record<string, unknown>>;
  return JSON.stringify("payload" in rest ? rest["payload"] : rest);
}

function asJson(event: Shown): Readonly<Record<string, unknown>> {
  const { position, at, data } = eventAsJson(event);
  return { stream: event.stream, position, at, type: event.type ?? null, agent: event.agent ?? null, data };
}
