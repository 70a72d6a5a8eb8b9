import type { Owner } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type { RecordDump } from "../../store/contract.ts";
import { refuseSetback } from "../../store/validate-dump.ts";
import type { Client } from "./client.ts";
import { columnsOf } from "./rows.ts";
import { fieldsToColumn, toColumn } from "./text.ts";

const statement = "select holdfast.import_1($1, $2::jsonb, $3, $4::jsonb, $5::jsonb) as obstacle";

/** Puts a record in as it was elsewhere. Throws `CONFLICT` where that would take versions back. The dump must be valid. */
export async function importRecord(client: Client, owner: Owner, dump: RecordDump): Promise<void> {
  const { record } = dump;
  const events: (string | number)[][] = [];
  for (const [stream, list] of Object.entries(dump.events)) {
    for (const { position, at, data } of list) {
      events.push([toColumn(stream), position, at, utf8Length(data), toColumn(data)]);
    }
  }
  const sizes = {
    document: utf8Length(record.document),
    events: events.reduce((sum, [, , , bytes]) => sum + Number(bytes), 0),
  };
  const [row] = await client.write(
    statement,
    [
      owner,
      JSON.stringify(columnsOf(record, dump, sizes)),
      toColumn(record.document),
      JSON.stringify(fieldsToColumn(record.fields)),
      JSON.stringify(events),
    ],
    [owner],
  );
  const obstacle = row?.["obstacle"] as { readonly standing?: number; readonly floor?: number } | null | undefined;
  if (obstacle) refuseSetback(record, obstacle.standing, obstacle.floor ?? 0);
}
