import type { Owner, RecordKey, StoredEvent, StoredRecord } from "../../record/record.ts";
import type { RecordDump } from "../../store/contract.ts";
import { refuseSetback } from "../../store/validate-dump.ts";
import type { Owners } from "./owners.ts";
import type { Asking } from "./queries.ts";
import { eventsOf, recordOf, type WireRecord } from "./rows.ts";
import { fieldsArgument, indexArgument, keyArgument, optional, type Wide } from "./wire.ts";

export async function exportRecord(
  { client, keys }: Asking,
  owner: Owner,
  key: RecordKey,
): Promise<RecordDump | undefined> {
  const answer = await client.run("inspect", [keys.ofOwner(owner)[0]], [keyArgument(key), "1"]);
  if (answer === null) return undefined;
  const [wire, logs] = answer as readonly [WireRecord, readonly (readonly (string | number)[])[]];
  const record = recordOf(wire);
  const events = [...record.streams.keys()].map((stream, index) => [stream, eventsOf(logs[index] ?? [])] as const);
  // `fromEntries` defines properties, so that a stream named "__proto__" is one like any other.
  return { record, events: Object.fromEntries(events) };
}

/** Puts a record in as it was elsewhere. Throws `CONFLICT` where that would take versions back. The dump must be valid. */
export async function importRecord(asking: Asking, owners: Owners, owner: Owner, dump: RecordDump): Promise<void> {
  const { record, events } = dump;
  const args = argumentsOf(record, (stream) => (Object.hasOwn(events, stream) ? (events[stream] ?? []) : []));
  let [what, value] = await ask(asking, owner, args, false);
  if (what === "register") {
    // The clock of this process: what is due too early is only looked at too early.
    await owners.register(owner, Date.now());
    [what, value] = await ask(asking, owner, args, true);
  }
  if (what === "standing") refuseSetback(record, Number(value), 0);
  if (what === "floor") refuseSetback(record, undefined, Number(value));
  if (value) await owners.lookAt(owner, Number(value), Date.now());
}

async function ask(
  { client, keys, clock }: Asking,
  owner: Owner,
  args: readonly string[],
  isRegistered: boolean,
): Promise<readonly [what: string, value?: Wide | null]> {
  const answer = await client.run("importing", keys.ofOwner(owner), [clock, isRegistered ? "1" : "0", ...args]);
  return answer as readonly [string, Wide | null];
}

function argumentsOf(record: StoredRecord, eventsIn: (stream: string) => readonly StoredEvent[]): string[] {
  const { lifetime } = record;
  const facts = [
    record.version,
    record.incarnation,
    record.createdAt,
    record.updatedAt,
    record.touchedAt,
    lifetime.idleMs,
    lifetime.absoluteMs,
    lifetime.retainMs,
    record.deadlineAt,
    record.expiresAt,
    record.endedAt,
    record.documentPosition,
  ];
  const args = [
    keyArgument(record),
    record.document,
    fieldsArgument(record.fields),
    indexArgument(record.fields),
    ...facts.map(optional),
  ];
  args.push(String(record.counters.size));
  for (const [name, value] of record.counters) args.push(name, String(value));
  args.push(String(record.streams.size));
  for (const [stream, { head, first }] of record.streams) {
    args.push(stream, String(head), String(first));
    for (const { at, data } of eventsIn(stream)) args.push(String(at), data);
  }
  return args;
}
