/** What the packages are as somebody gets them; docs/start.md is followed in start.test.ts. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { valueOf } from "../clients/caller.ts";
import { launch, listening } from "../lib/node-process.ts";
import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";
import { npm, type Packed, packInto, tarballOf } from "./packed.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** What a package may weigh, packed. Raise it in the change that needs it, and say there why. */
const budgets = { holdfast: 1_700_000, "holdfast-server": 200_000 };

let dir: string;
let packed: readonly Packed[];

beforeAll(async () => {
  dir = await temporaryFolder();
  packed = await packInto(dir);
}, 120_000);
afterAll(() => removeFolder(dir));

function filesOf(name: string): readonly string[] {
  return packed.find((one) => one.name === name)?.files.map(({ path }) => path) ?? [];
}

describe("what is packed", () => {
  it("is code, types, sources of the library, licence and readme, and nothing of our own tools", () => {
    for (const { name, files } of packed) {
      const paths = files.map(({ path }) => path);
      expect([name, paths.filter((path) => /\.test(-kit)?\.|tsbuildinfo|(^|\/)test\//.test(path))]).toEqual([name, []]);
      expect(paths).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
      // A program that nobody imports needs no types.
      if (name !== "holdfast") expect(paths.filter((path) => path.includes(".d.ts"))).toEqual([]);
      expect(paths.filter((path) => path.startsWith("src/") && !path.endsWith(".ts"))).toEqual([]);
      expect(paths.every((path) => /^(dist|src|bin)\/|^[^/]+$/.test(path))).toBe(true);
    }
  });

  it("has a file behind each entry, and types beside it", async () => {
    const files = new Set(filesOf("holdfast"));
    const { exports } = JSON.parse(await readFile(join(root, "packages/holdfast/package.json"), "utf8")) as {
      readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
    };
    const targets = Object.values(exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.filter((target) => !files.has(target.replace("./", "")))).toEqual([]);
  });

  it("stays within its budget", () => {
    for (const { name, size } of packed) {
      const budget = name === "holdfast" ? budgets.holdfast : budgets["holdfast-server"];
      expect([name, size]).toEqual([name, expect.toSatisfy((bytes: number) => bytes > 10_000 && bytes < budget)]);
    }
  });
});

describe("in an empty folder", () => {
  beforeAll(async () => {
    await mkdir(join(dir, "walk"));
    const cwd = join(dir, "walk");
    await writeFile(join(cwd, "package.json"), '{ "private": true, "type": "module" }\n');
    const tarballs = packed.map((one) => tarballOf(dir, one));
    await npm(cwd, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", ...tarballs);
  }, 300_000);

  it("one finds that nothing was compiled and nothing of the workspace came along", async () => {
    const cwd = join(dir, "walk");
    expect((await stat(join(cwd, "node_modules/holdfast/package.json"))).isFile()).toBe(true);
    expect(await readdir(join(cwd, "node_modules/@holdfast"))).toEqual(["server"]);
    // The drivers of databases are the server's own; development packages are nobody's.
    const installed = await readdir(join(cwd, "node_modules"));
    for (const dev of ["typescript", "vitest", "oxlint", "fast-check"]) expect(installed).not.toContain(dev);
  });

  it("the server starts, keeps a session, and has it after a restart", async () => {
    const cwd = join(dir, "walk");
    const start = (): ReturnType<typeof listening> =>
      listening(
        launch(join(cwd, "node_modules/@holdfast/server/bin/holdfast.js"), {
          cwd,
          args: ["serve", "--port", "0", "--store", "sqlite:./state.db"],
        }),
        Date.now() + 30_000,
      );
    const first = await start();
    let session_id: unknown;
    {
      await using client = await connect(first.url, "2025");
      ({ session_id } = await valueOf(client.call("create_session", { label: "walk" })));
      await valueOf(client.call("increment_counter", { session_id, name: "steps", by: 3 }));
    }
    await first.stop();
    const second = await start();
    try {
      await using client = await connect(second.url, "2026");
      expect(await valueOf(client.call("increment_counter", { session_id, name: "steps" }))).toMatchObject({
        value: 4,
      });
    } finally {
      await second.stop();
    }
  });

  it.each([
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])(
    "the types of every entry compile by themselves, strictly, with modules of %s as %s finds them",
    async (module, how) => {
      const cwd = join(dir, "walk");
      const { exports } = JSON.parse(await readFile(join(cwd, "node_modules/holdfast/package.json"), "utf8")) as {
        readonly exports: Readonly<Record<string, unknown>>;
      };
      const entries = Object.keys(exports).filter((entry) => entry !== "./package.json");
      const imports = entries.map((entry, index) => `export * as e${index} from "holdfast${entry.slice(1)}";`);
      await writeFile(join(cwd, "entries.mts"), imports.join("\n"));
      const tsc = fileURLToPath(new URL("bin/tsc", import.meta.resolve("typescript/package.json")));
      const strict = ["--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false", "--types", "node"];
      const typeRoots = ["--typeRoots", join(root, "node_modules/@types")];
      const args = ["--noEmit", "--target", "es2022", "--module", module, "--moduleResolution", how];
      const compiled = run(process.execPath, [tsc, ...args, ...strict, ...typeRoots, "entries.mts"], { cwd });
      await expect(compiled).resolves.toMatchObject({ stdout: "" });
    },
  );

  it("the readmes lead nowhere outside of their packages", async () => {
    for (const name of ["holdfast", "@holdfast/server"]) {
      const folder = join(dir, "walk/node_modules", name);
      const prose = (await readFile(join(folder, "README.md"), "utf8")).replaceAll(/^```[\s\S]*?^```/gm, "");
      const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
      const pages = [...prose.matchAll(/[\w./-]+\.md\b/g)].map(([page]) => page);
      const targets = [...links, ...pages].filter((target) => !/^(https:|#)/.test(target));
      const away = targets.filter((target) => {
        const path = join(folder, target.replace(/#.*/, ""));
        return !path.startsWith(folder) || !existsSync(path);
      });
      expect([name, away]).toEqual([name, []]);
    }
  });

  it("the library works as its README's first code does, word for word", async () => {
    const cwd = join(dir, "walk");
    const readme = await readFile(join(cwd, "node_modules/holdfast/README.md"), "utf8");
    const [, shop = ""] = /^```ts\n([\s\S]*?)^```/m.exec(readme) ?? [];
    const [, main = ""] = /^```js\n([\s\S]*?)^```/m.exec(readme) ?? [];
    const listen = "createServer(shop.node).listen(3000, ";
    expect(main).toContain(listen);
    const told = `const server = ${main.slice(main.indexOf(listen)).replace("3000", "0")}
      server.on("listening", () => console.error("listening on http://127.0.0.1:" + server.address().port));`;
    await writeFile(join(cwd, "shop.mjs"), shop);
    await writeFile(join(cwd, "main.mjs"), main.slice(0, main.indexOf(listen)) + told);
    const server = await listening(launch(join(cwd, "main.mjs"), { cwd }), Date.now() + 30_000);
    try {
      await using client = await connect(server.url, "2026");
      const { basket } = await valueOf(client.call("create_basket", {}));
      const skus = Array.from({ length: 20 }, (_, n) => String(n));
      await Promise.all(skus.map((sku) => valueOf(client.call("add_item", { basket, sku }))));
      expect(await valueOf(client.call("add_item", { basket, sku: "last" }))).toMatchObject({
        value: { items: expect.arrayContaining([...skus, "last"]) },
      });
    } finally {
      await server.kill();
    }
  });
});
