/**
 * The schema, as numbered steps that are only ever added to: what was released is never edited. A function that changes
 * gets a new number in its name, and the one that older releases call stays; the store calls the newest of each.
 */
import { accounts } from "./accounts.ts";
import { commit } from "./commit.ts";
import { commit2 } from "./commit-2.ts";
import { commit3 } from "./commit-3.ts";
import { commitPlain } from "./commit-plain.ts";
import { counts } from "./counts.ts";
import { decide, decideBeginning } from "./decide.ts";
import { erase3 } from "./erase-3.ts";
import { locks } from "./locks.ts";
import { read } from "./read.ts";
import { reads } from "./reads.ts";
import { reap3 } from "./reap-3.ts";
import { reap4 } from "./reap-4.ts";
import { tables } from "./tables.ts";
import { upkeep } from "./upkeep.ts";
import { views } from "./views.ts";

type Migration = {
  readonly sql: string;
  /** The oldest schema number whose releases still work once this step was taken. */
  readonly oldest: number;
};

export const migrations: readonly Migration[] = [
  { sql: tables + decide + locks + commit + read + upkeep, oldest: 1 },
  { sql: accounts, oldest: 1 },
  { sql: counts + commit2, oldest: 1 },
  { sql: views, oldest: 1 },
  { sql: commitPlain + commit3 + reads, oldest: 1 },
  { sql: decideBeginning, oldest: 1 },
  { sql: reap3, oldest: 1 },
  { sql: erase3, oldest: 1 },
  { sql: reap4, oldest: 1 },
];

export const schemaVersion: number = migrations.length;
