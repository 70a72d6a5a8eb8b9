import { describe, expect, it } from "vitest";

import { readSources } from "../lib/sources.ts";
import { checkWalls } from "./check.ts";
import { rooms } from "./rules.ts";

const src = "packages/holdfast/src";

/** A small house that keeps every wall; each test plants one fault in it. */
const sound: Readonly<Record<string, string>> = {
  [`${src}/index.ts`]: `export { serve } from "./mcp/serve.ts";\nexport { hold } from "./hold.ts";\nexport type { Record } from "./record/record.ts";`,
  [`${src}/contract.ts`]: `export type { Store } from "./store/contract.ts";`,
  [`${src}/open.ts`]: `import type { Store } from "./store/contract.ts";
    export const open = async (): Promise<Store> => (await import("./stores/sqlite/index.ts")).sqliteStore();`,
  [`${src}/record/record.ts`]: `import { createHash } from "node:crypto";\nexport type Record = { hash: typeof createHash };`,
  [`${src}/store/contract.ts`]: `import type { Record } from "../record/record.ts";\nexport type Store = Record;`,
  [`${src}/stores/memory/index.ts`]: `import type { Store } from "../../store/contract.ts";\nexport type Memory = Store;`,
  [`${src}/stores/sqlite/index.ts`]: `import type { Store } from "../../store/contract.ts";
    const sqlite = await import("node:sqlite");\nexport const sqliteStore = (): Store => sqlite as never;`,
  [`${src}/state/kind.ts`]: "export const kind = 1;",
  [`${src}/hold.ts`]: `import { open } from "./open.ts";\nimport { kind } from "./state/kind.ts";\nexport const hold = [open, kind];`,
  [`${src}/mcp/serve.ts`]: `import { McpServer } from "@modelcontextprotocol/server";
    import { kind } from "../state/kind.ts";\nexport const serve = [McpServer, kind];`,
  [`${src}/testing/index.ts`]: `import type { Store } from "../contract.ts";\nexport type Suite = Store;`,
  "packages/server/src/tools/registry.ts": "export const tools = [];",
  "packages/server/src/main.ts": `import { serve } from "holdfast";\nexport const main = serve;`,
};

function messages(planted: Readonly<Record<string, string>>): readonly string[] {
  const sources = new Map(Object.entries({ ...sound, ...planted }));
  return checkWalls(sources).map(({ path, line, message }) => `${path}:${line}: ${message}`);
}

describe("a house that keeps its walls", () => {
  it("has no violations", () => {
    expect(messages({})).toEqual([]);
  });

  it("is what the rules describe: no room is used by one it uses itself, however indirectly", () => {
    const uses = new Map(rooms.map((room) => [room.name, [...room.uses, ...(room.loads ?? [])]]));
    const reach = (from: string, seen: Set<string>): Set<string> => {
      for (const next of uses.get(from) ?? []) if (!seen.has(next)) reach(next, seen.add(next));
      return seen;
    };
    for (const name of uses.keys()) expect([...reach(name, new Set())]).not.toContain(name);
  });

  it("is the house that stands", async () => {
    const sources = await readSources(process.cwd(), ["packages/holdfast/src", "packages/server/src"]);
    expect(sources.size).toBeGreaterThan(20);
    expect(checkWalls(sources)).toEqual([]);
  });
});

describe("planted violations", () => {
  const faults: readonly (readonly [what: string, path: string, source: string, line: number, message: string])[] = [
    [
      "an import against the arrows",
      "record/a.ts",
      `import { x } from "../store/contract.ts";`,
      1,
      "record may not use store",
    ],
    [
      "types go through no wall either",
      "store/a.ts",
      `import type { x } from "../state/kind.ts";`,
      1,
      "store may not use state",
    ],
    ["an import() type", "store/a.ts", `export type A = import("../state/kind.ts").A;`, 1, "store may not use state"],
    ["a re-export", "store/a.ts", `\nexport { kind } from "../state/kind.ts";`, 2, "store may not use state"],
    [
      "one store using another",
      "stores/sqlite/a.ts",
      `import "../memory/index.ts";`,
      1,
      "stores/sqlite may not use stores/memory",
    ],
    ["anything using the test suite", "mcp/a.ts", `await import("../testing/index.ts");`, 1, "mcp may not use testing"],
    ["a source using a test", "state/a.ts", `import "./b.test.ts";`, 1, "which is a test"],
    ["a source using a test kit", "state/a.ts", `import "./c.test-kit.ts";`, 1, "which is a test"],
    ["I/O in the core", "record/a.ts", `import { readFile } from "node:fs";`, 1, 'record may not import "node:fs"'],
    ["a package out of place", "state/a.ts", `import "@modelcontextprotocol/server";`, 1, "state may not import"],
    ["a name that only begins like an allowed one", "mcp/a.ts", `import "zodiac";`, 1, 'mcp may not import "zodiac"'],
    ["a database client elsewhere", "state/a.ts", `await import("pg");`, 1, 'names "pg"'],
    ["a client behind a helper", "state/a.ts", `optional("redis");`, 1, 'names "redis"'],
    ["a client by require", "mcp/a.ts", `require("node:sqlite");`, 1, 'names "node:sqlite"'],
    [
      "a builtin by name",
      "record/a.ts",
      `process.getBuiltinModule("node:net");`,
      1,
      'record may not import "node:net"',
    ],
    ["a computed name", "state/a.ts", `const x = "p" + "g";\nawait import(x);`, 2, "computed name"],
    ["a store loaded at start", "open.ts", `import "./stores/sqlite/index.ts";`, 1, "only on demand"],
    ["export *", "index.ts", `export * from "./record/record.ts";`, 1, "`export *`"],
    ["a file outside every room", "misc/a.ts", "export {};", 1, "is in no room"],
    ["a file that is not there", "state/a.ts", `import "./gone.ts";`, 1, "which is not there"],
  ];

  it.each(faults)("%s", (_what, path, source, line, message) => {
    const planted = {
      [`${src}/${path}`]: source,
      [`${src}/state/b.test.ts`]: "",
      [`${src}/state/c.test-kit.ts`]: "",
    };
    const found = messages(planted);
    expect(found.join("\n")).toContain(message);
    expect(found.some((text) => text.startsWith(`${src}/${path}:${line}: `))).toBe(true);
  });

  it("the server reaching into the library's sources", () => {
    const found = messages({ "packages/server/src/a.ts": `import "../../holdfast/src/state/kind.ts";` });
    expect(found).toEqual(["packages/server/src/a.ts:1: server may not use state"]);
  });

  it("the root entry reaching a database client, by which way", () => {
    const found = messages({
      [`${src}/open.ts`]: `import { sqliteStore } from "./stores/sqlite/index.ts";\nexport const open = sqliteStore;`,
    });
    expect(found.join("\n")).toContain(
      `index.ts:1: reaches ${src}/hold.ts → ${src}/open.ts → ${src}/stores/sqlite/index.ts`,
    );
  });

  it("a tool reaching the privileged door, by which way", () => {
    const found = messages({
      "packages/server/src/tools/registry.ts": `import { move } from "../move.ts";\nexport const tools = [move];`,
      "packages/server/src/move.ts": `import { moveStore } from "holdfast/admin";\nexport const move = moveStore;`,
    });
    expect(found.join("\n")).toContain(
      "packages/server/src/tools/registry.ts:1: reaches packages/server/src/move.ts → holdfast/admin",
    );
  });

  it("names imported as types inside ordinary braces still load the file", () => {
    const found = messages({
      [`${src}/open.ts`]: `import { type Memory } from "./stores/memory/index.ts";\nexport type open = Memory;`,
    });
    expect(found.join("\n")).toContain("index.ts:1: reaches");
  });

  it("a circle of imports, and not one of types", () => {
    const a = `${src}/state/a.ts`;
    const b = `${src}/state/b.ts`;
    expect(messages({ [a]: `import "./b.ts";`, [b]: `import type { a } from "./a.ts";` })).toEqual([]);
    expect(messages({ [a]: `import "./b.ts";`, [b]: `import { a } from "./a.ts";` })).toEqual([
      `${a}:1: imports itself in a circle: ${a} → ${b} → ${a}`,
    ]);
  });

  it("a door that is missing", () => {
    const sources = new Map(Object.entries(sound).filter(([path]) => path !== `${src}/contract.ts`));
    expect(checkWalls(sources).map(({ message }) => message)).toContain("is a door of the library and is not there");
  });

  it("a file that does not parse is an error, not an empty file", () => {
    expect(() => messages({ [`${src}/state/a.ts`]: "import {" })).toThrow("does not parse");
  });
});
