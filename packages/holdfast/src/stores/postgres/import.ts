import { HoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type { RecordDump } from "../../store/contract.ts";
import type { Client } from "./client.ts";
import { columnsOf } from "./rows.ts";
import { fieldsToColumn, toColumn } from "./text.ts";

const statement = "select holdfast.import_1($1, $2::jsonb, $3, $4::jsonb, $5::jsonb) as standing";

/** Puts a record in as it was elsewhere. Throws `CONFLICT` where a higher version stands. */
export async function importRecord(client: Client, owner: Owner, dump: RecordDump): Promise<void> {
  const { record } = dump;
  const firsts = new Map<string, number>();
  const events: (string | number)[][] = [];
  for (const [stream, list] of Object.entries(dump.events)) {
    const head = record.streams.get(stream)?.head;
    if (head === undefined) throw invalid("the dump has events of a stream it does not list");
    const first = head - list.length + 1;
    if (list.some(({ position }, index) => position !== first + index)) {
      throw invalid("a stream of the dump has gaps, or ends before its head");
    }
    firsts.set(stream, first);
    for (const { position, at, data } of list) {
      events.push([toColumn(stream), position, at, utf8Length(data), toColumn(data)]);
    }
  }
  const sizes = {
    document: utf8Length(record.document),
    events: events.reduce((sum, [, , , bytes]) => sum + Number(bytes), 0),
  };
  const [row] = await client.write(statement, [
    owner,
    JSON.stringify(columnsOf(record, dump, sizes, firsts)),
    toColumn(record.document),
    JSON.stringify(fieldsToColumn(record.fields)),
    JSON.stringify(events),
  ]);
  const standing = row?.["standing"];
  if (standing === null || standing === undefined) return;
  const actual = Number(standing);
  throw new HoldfastError("CONFLICT", `version ${actual} of this record stands, above ${record.version}`, {
    details: { expected: record.version, actual },
  });
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", message);
}
