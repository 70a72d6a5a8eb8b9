/** The same work on the bare driver: what PostgreSQL itself can do here, and what doing it one by one costs. */
import { throughput } from "../lib/compare.ts";
import { inFlight, type Raw } from "./rows.ts";

type Pool = {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rowCount: number | null }>;
  end(): Promise<void>;
};
type Driver = { readonly Pool: new (settings: { readonly connectionString: string; readonly max: number }) => Pool };

const document = JSON.stringify({ items: ["x".repeat(270)], at: 0 });
const perStatement = 64;
const statements = 4;

const schema = `
  drop schema if exists raw cascade;
  create schema raw;
  create table raw.record (id integer primary key, version bigint not null, counter bigint not null, document text not null)
    with (fillfactor = 80);
  create table raw.log (id bigserial primary key, record integer not null, data text not null);
`;
const updateMany = `with given as (
    select * from unnest($1::integer[], $2::bigint[], $3::text[]) as g(id, version, document)
  ), changed as (
    update raw.record r set document = g.document, version = r.version + 1 from given g
    where r.id = g.id and r.version = g.version returning r.id
  ) insert into raw.log (record, data) select id, $4 from changed`;
const incrementOne = `with changed as (
    update raw.record set counter = counter + 1 where id = $1 returning id
  ) insert into raw.log (record, data) select id, $2 from changed`;

export class RawPostgres implements Raw {
  readonly #pool: Pool;
  readonly #records: number;
  readonly #versions: number[];
  #next = 0;

  private constructor(pool: Pool, records: number) {
    this.#pool = pool;
    this.#records = records;
    this.#versions = Array.from({ length: records }, () => 1);
  }

  static async open(url: string, records: number): Promise<RawPostgres> {
    // The driver's own types are not needed for this.
    const name: string = "pg";
    const { default: driver } = (await import(name)) as { readonly default: Driver };
    const pool = new driver.Pool({ connectionString: url, max: 10 });
    await pool.query(schema);
    await pool.query("insert into raw.record select n, 1, 0, $1 from generate_series(0, $2::integer - 1) n", [
      document,
      records,
    ]);
    return new RawPostgres(pool, records);
  }

  /** Conditional updates and log rows, 64 in a statement, four statements in flight; operations per second. */
  async updates(ms: number): Promise<number> {
    const share = Math.floor(this.#records / statements);
    const at = Array.from({ length: statements }, () => 0);
    const batches = await throughput(statements, ms, async (worker) => {
      // Each of the four has records of its own, so that none waits for another.
      const from = at[worker] ?? 0;
      const ids = Array.from({ length: perStatement }, (_, index) => worker * share + ((from + index) % share));
      at[worker] = from + perStatement;
      const versions = ids.map((id) => this.#versions[id]);
      const documents = ids.map(() => document);
      const { rowCount } = await this.#pool.query(updateMany, [ids, versions, documents, '{"type":"updated"}']);
      if (rowCount !== perStatement) throw new Error("a version did not stand");
      for (const id of ids) this.#versions[id] = (this.#versions[id] ?? 0) + 1;
    });
    return batches * perStatement;
  }

  /** Counter and a log row, each a statement of its own, so many in flight. */
  increments(ms: number): Promise<number> {
    return throughput(inFlight, ms, async () => {
      this.#next += 1;
      await this.#pool.query(incrementOne, [this.#next % this.#records, '{"type":"incremented"}']);
    });
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
