/**
 * The documents of a store as they lie in it, reached behind its back as somebody who has the database could: by SQL, by
 * Redis's own commands. Where there is no database, by the admin door.
 */
import { dirname } from "node:path";
import type { Owner, RecordKey, Store } from "holdfast/contract";

export interface RawDocuments extends AsyncDisposable {
  get(owner: Owner, key: RecordKey): Promise<string>;
  set(owner: Owner, key: RecordKey, text: string): Promise<void>;
  /** Everything that the database gives away to whoever reads it, as text. */
  everything(): Promise<string>;
  /** Where its files lie; undefined where it has none. */
  folder(): Promise<string | undefined>;
}

/** What is used of the drivers, which bring no types here. */
type Postgres = {
  connect(): Promise<void>;
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
  end(): Promise<void>;
};
type Redis = {
  connect(): Promise<unknown>;
  sendCommand(command: readonly string[]): Promise<unknown>;
  destroy(): void;
};
type Sqlite = {
  prepare(sql: string): {
    get(...values: unknown[]): unknown;
    all(): readonly Readonly<Record<string, unknown>>[];
    run(...values: unknown[]): unknown;
  };
  close(): void;
};

/** @param url of the store; of a tiered one the truth is opened. */
export async function rawDocuments(url: string, store: Store): Promise<RawDocuments> {
  if (url.startsWith("sqlite:")) return await ofSqlite(url.slice("sqlite:".length));
  if (url.startsWith("redis:")) return await ofRedis(url);
  if (url.includes("postgres:")) return await ofPostgres(url.slice(url.indexOf("postgres:")));
  return ofAdmin(store);
}

async function ofSqlite(path: string): Promise<RawDocuments> {
  const name: string = "@photostructure/sqlite";
  const { DatabaseSync } = (await import(name)) as { readonly DatabaseSync: new (path: string) => Sqlite };
  const database = new DatabaseSync(path);
  const row = "owner = (select id from owners where owner = ?) and kind = ? and record = ?";
  return {
    get: async (owner, { kind, id }) => {
      const found = database.prepare(`select document from records where ${row}`).get(owner, kind, id);
      return textIn(found, "document");
    },
    set: async (owner, { kind, id }, text) => {
      database.prepare(`update records set document = ? where ${row}`).run(text, owner, kind, id);
    },
    everything: async () => {
      const texts: string[] = [];
      const tables = database.prepare("select name from sqlite_schema where type = 'table'").all();
      for (const table of tables) {
        const rows = database.prepare(`select * from ${textIn(table, "name")}`).all();
        texts.push(...rows.map((row) => Object.values(row).map(String).join(" ")));
      }
      return texts.join("\n");
    },
    folder: async () => dirname(path),
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

async function ofPostgres(url: string): Promise<RawDocuments> {
  const name: string = "pg";
  const { default: driver } = (await import(name)) as {
    readonly default: { readonly Client: new (options: { connectionString: string }) => Postgres };
  };
  const client = new driver.Client({ connectionString: url });
  await client.connect();
  const row = "record = (select record from holdfast.records where owner = $1 and kind = $2 and id = $3)";
  return {
    get: async (owner, { kind, id }) => {
      const { rows } = await client.query(`select document from holdfast.documents where ${row}`, [owner, kind, id]);
      return textIn(rows[0], "document");
    },
    set: async (owner, { kind, id }, text) => {
      const values = [owner, kind, id, text];
      await client.query(`update holdfast.documents set document = $4 where ${row}`, values);
    },
    everything: async () => {
      const tables = await client.query("select tablename from pg_tables where schemaname = 'holdfast'");
      const texts: string[] = [];
      for (const table of tables.rows) {
        const { rows } = await client.query(`select t::text as line from holdfast.${textIn(table, "tablename")} t`);
        texts.push(...rows.map((line) => textIn(line, "line")));
      }
      return texts.join("\n");
    },
    folder: async () => {
      // What was committed is in the log already; now it is in the tables' files too.
      await client.query("checkpoint");
      return textIn((await client.query("show data_directory")).rows[0], "data_directory");
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

async function ofRedis(url: string): Promise<RawDocuments> {
  const name: string = "redis";
  const { createClient } = (await import(name)) as { readonly createClient: (options: { url: string }) => Redis };
  const client = createClient({ url });
  await client.connect();
  // Of an owner everything lies in one hash, whose name ends with the owner in braces.
  const hashOf = async (owner: Owner): Promise<string> => {
    const names = (await client.sendCommand(["KEYS", `*{${owner}}`])) as readonly string[];
    return names[0] ?? "";
  };
  return {
    get: async (owner, { kind, id }) => {
      const text = await client.sendCommand(["HGET", await hashOf(owner), `d/${kind}/${id}`]);
      return textIn({ text }, "text");
    },
    set: async (owner, { kind, id }, text) => {
      await client.sendCommand(["HSET", await hashOf(owner), `d/${kind}/${id}`, text]);
    },
    everything: async () => {
      const texts: string[] = [];
      for (const key of (await client.sendCommand(["KEYS", "*"])) as readonly string[]) {
        const type = await client.sendCommand(["TYPE", key]);
        const command =
          type === "hash" ? ["HGETALL", key] : type === "zset" ? ["ZRANGE", key, "0", "-1"] : ["GET", key];
        texts.push(key, JSON.stringify(await client.sendCommand(command)));
      }
      return texts.join("\n");
    },
    folder: async () => {
      await client.sendCommand(["SAVE"]);
      return textIn(await client.sendCommand(["CONFIG", "GET", "dir"]), "dir");
    },
    [Symbol.asyncDispose]: async () => client.destroy(),
  };
}

function ofAdmin(store: Store): RawDocuments {
  const dumpOf = async (owner: Owner, key: RecordKey) => {
    const dump = await store.admin.export(owner, key);
    if (dump === undefined) throw new Error("there is no such record");
    return dump;
  };
  return {
    get: async (owner, key) => (await dumpOf(owner, key)).record.document,
    set: async (owner, key, text) => {
      const keys = (await store.admin.scan({ limit: 1_000, owner })).records;
      const dumps = await Promise.all(keys.map((one) => dumpOf(owner, one)));
      await store.admin.erase(owner);
      for (const { record, events } of dumps) {
        const isIt = record.kind === key.kind && record.id === key.id;
        await store.admin.import(owner, { record: isIt ? { ...record, document: text } : record, events });
      }
    },
    everything: async () => "",
    folder: async () => undefined,
    [Symbol.asyncDispose]: async () => {},
  };
}

function textIn(row: unknown, column: string): string {
  const value =
    typeof row === "object" && row !== null ? Object.entries(row).find(([name]) => name === column) : undefined;
  if (typeof value?.[1] !== "string") throw new Error(`there is no text in "${column}" of ${JSON.stringify(row)}`);
  return value[1];
}
