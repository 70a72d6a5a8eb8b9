/** The README's first screen: its code keeps what the words below it say, and its transcript is what one sees. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

import { textOf, valueOf } from "../clients/caller.ts";
import { v2Http } from "../clients/v2.ts";
import { launch, listening, type NodeProcess } from "../lib/node-process.ts";
import { removeFolder, startServer, temporaryFolder } from "../lib/server-process.ts";

const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");

/** Serves what the README exports, and says where. */
const main = `import { createServer } from "node:http";
import shop from "./shop.mjs";
const server = createServer(shop.node).listen(0, "127.0.0.1", () =>
  console.error("listening on http://127.0.0.1:" + server.address().port + "/mcp"));
`;

it("the code loses nothing to fifty calls at once, nor to kill -9", async () => {
  const [, code = ""] = /^```ts\n([\s\S]*?)^```/m.exec(readme) ?? [];
  // Under test/, so that it finds the packages a user has. It has no types in it, so it is JavaScript as it stands.
  const folder = fileURLToPath(new URL("../.readme/", import.meta.url));
  const dir = await temporaryFolder();
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(join(folder, "shop.mjs"), code);
    await writeFile(join(folder, "main.mjs"), main);
    const start = (): Promise<NodeProcess> =>
      listening(launch(join(folder, "main.mjs"), { cwd: dir }), Date.now() + 60_000);

    const first = await start();
    const client = await v2Http(first.url, "2026");
    const basket = textOf(await valueOf(client.call("create_basket")), "basket");
    const add = (sku: string): Promise<unknown> => valueOf(client.call("add_item", { basket, sku }));
    await Promise.all(Array.from({ length: 50 }, (_, index) => add(`item ${index}`)));
    await first.kill();
    await client[Symbol.asyncDispose]();

    const second = await start();
    await using again = await v2Http(second.url, "2026");
    const { value } = await valueOf(again.call("add_item", { basket, sku: "one more" }));
    const items = (value as { readonly items: readonly string[] }).items;
    const all = [...Array.from({ length: 50 }, (_, index) => `item ${index}`), "one more"];
    expect(items.toSorted((a, b) => a.localeCompare(b))).toEqual(all.toSorted((a, b) => a.localeCompare(b)));
    await second.kill();
  } finally {
    await rm(folder, { recursive: true, force: true });
    await removeFolder(dir);
  }
});

it("the transcript is what a start says", async () => {
  const [, block = ""] = /^```console\n([\s\S]*?)^```/m.exec(readme) ?? [];
  const lines = block.trim().split("\n").slice(1);
  expect(lines.length).toBeGreaterThan(3);
  const server = await startServer({ store: "default" });
  try {
    const said = server.stderr().replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:3000");
    for (const line of lines) for (const part of line.split("…")) expect(said).toContain(part);
  } finally {
    await server.stop();
    await removeFolder(server.dir);
  }
});

it("gives the command that runs every test, and it is the one that CI runs", async () => {
  const ci = await readFile(new URL("../../.ci/run", import.meta.url), "utf8");
  const [, command = ""] = /^test_command='(.+)'$/m.exec(ci) ?? [];
  expect(command).toBe("npm ci && npm test");
  expect(readme).toContain(`\`${command}\``);
});
