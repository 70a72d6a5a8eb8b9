import { HoldfastError } from "../../record/errors.ts";
import type { Connection } from "./connection.ts";

const findKey = "select secret from secrets where name = 'cursor'";

/** The key of this file's cursors: one for all who have the file open, made with the file. */
export function cursorKeyOf({ statements }: Pick<Connection, "statements">): Uint8Array {
  const key = statements.sql(findKey).get()?.["secret"];
  if (key instanceof Uint8Array) return key;
  throw new HoldfastError("STORE_CORRUPT", "the database file is damaged: the key of its cursors is missing");
}
