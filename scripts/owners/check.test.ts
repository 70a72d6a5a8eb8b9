import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { readSources } from "../lib/sources.ts";
import { checkOwners } from "./check.ts";

const stores = "packages/holdfast/src/stores/";
const none = { doors: new Map(), parts: new Map(), keyMakers: new Map(), unownedKeys: new Map() } as const;

function found(path: string, source: string): readonly string[] {
  return checkOwners(new Map([[`${stores}${path}`, source]]), none);
}

it("finds nothing in the stores as they are", async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const sources = await readSources(root, ["packages/holdfast/src/stores"]);
  expect(sources.size).toBeGreaterThan(100);
  expect(checkOwners(sources)).toEqual([]);
});

describe("a planted fault is found:", () => {
  it.each([
    ["a look-up by id alone", "sqlite/q.ts", 'const q = "select document from records where kind = ? and record = ?";'],
    ["a list of a kind", "sqlite/q.ts", 'const q = "select record from records where kind = ? order by id limit ?";'],
    ["an outcome by its id", "sqlite/q.ts", 'const q = "select outcome from commits where id = ?";'],
    ["a removal of everything", "sqlite/q.ts", 'const q = "delete from events";'],
    ["a row of nobody", "sqlite/q.ts", 'const q = "insert into commits (id, outcome) values (?, ?)";'],
    [
      "a text in two pieces",
      "postgres/q.ts",
      'const q = "select * from holdfast.records r " +\n "where r.kind = $1 and r.id = $2";',
    ],
    [
      "a constant in a template",
      "postgres/q.ts",
      "const where = `r.kind = $1`;\nconst q = `select * from holdfast.records r where ${where}`;",
    ],
    [
      "one of several statements",
      "postgres/q.ts",
      "const q = `begin update holdfast.owners set floor = 1 where owner = _owner; delete from holdfast.commits where id = _id; end`;",
    ],
    [
      "a branch",
      "postgres/q.ts",
      "const q = `if a.owner = _o then delete from holdfast.events where stream = _s; end if;`;",
    ],
  ])("%s", (_what, path, source) => {
    expect(found(path, source).join("\n")).toContain("names no owner for");
  });

  it.each([
    ["sqlite/q.ts", "const q = (id: string) => `select id from records where owner = ? and record = '${id}'`;"],
    [
      "postgres/q.ts",
      'const q = (id: string) => "select * from holdfast.records where owner = $1 and id = \'" + id + "\'";',
    ],
  ])("a value in the text of a statement: %s", (path, source) => {
    expect(found(path, source).join("\n")).toContain("id is put into the text of a statement");
  });

  it.each([
    [
      "redis/scripts/a.ts",
      "export const a = `return call('HGET', 'P{' .. ARGV[1] .. '}', 'a')`;",
      "'P{' .. ARGV[1] .. '}'",
    ],
    ["redis/scripts/a.ts", "export const a = `return call('HGET', ARGV[1], 'a')`;", "ARGV[1]"],
    ["redis/scripts/a.ts", "export const a = `return call('KEYS', '*')`;", "'*'"],
    ["redis/scripts/a.ts", "export const a = `return redis.call('RANDOMKEY')`;", "'RANDOMKEY'"],
    ["tiered/scripts.ts", "export const a = `return redis.call('GET', name)`;", "name"],
  ])("a key of a script's own making: %s %s", (path, source, key) => {
    expect(found(path, source).join("\n")).toContain(`reaches for the key ${key}`);
  });

  it("a name of a key that is made elsewhere, or of something else than an owner", () => {
    expect(found("redis/a.ts", "const k = (id: string) => `hold{${id}}`;").join("\n")).toContain(
      "makes the name of a key",
    );
    expect(found("tiered/a.ts", "const k = (p: string) => `${p}{all}`;").join("\n")).toContain(
      "makes the name of a key",
    );
  });

  it("a key of no owner", () => {
    expect(found("redis/a.ts", "run(this.#keys.ofBucket(3));").join("\n")).toContain("asks for a key of no owner");
  });

  it("an excuse that is needed no more", () => {
    const doors = new Map([["select everything", "no reason"]]);
    expect(checkOwners(new Map(), { ...none, doors })).toEqual([
      "scripts/owners/rules.ts: excused without need: select everything",
    ]);
  });
});

describe("what names its owner passes:", () => {
  it.each([
    ["sqlite/q.ts", 'const q = "select id from records where owner = ? and kind = ?";'],
    ["sqlite/q.ts", 'const q = "update records set meta = ? where id = ?";'],
    ["postgres/q.ts", "const q = `select 1 from holdfast.records r where r.owner = $1`;"],
    ["redis/scripts/a.ts", "export const a = `local t = call('TIME') return call('HGET', H, 'a')`;"],
    ["redis/scripts/a.ts", "export const a = `local ok, m = pcall(unpackm, packed)`;"],
    ["tiered/a.ts", 'const message = "a message about update and select";'],
  ])("%s %s", (path, source) => {
    expect(found(path, source)).toEqual([]);
  });
});
