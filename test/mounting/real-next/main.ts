/**
 * Follows "Next" in docs/mounting.md by the letter, with Next itself and the library as it is packed: `npm run try:next`.
 * Builds, starts, talks to it with the official clients of both eras, kills it in between, and asks it to stop. Needs the
 * network, which is why no test does it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { type Caller, textOf, valueOf } from "../../clients/caller.ts";
import { v1Http } from "../../clients/v1.ts";
import { v2Http } from "../../clients/v2.ts";
import { freePort } from "../../lib/servers/guarded.ts";
import { poll, within } from "../../lib/waiting.ts";
import { npm, packInto, tarballOf } from "../../packages/packed.ts";
import { findRoot } from "../../tools/root.ts";

const startMs = 60_000;
const clients: readonly (readonly [name: string, connect: (url: string) => Promise<Caller>])[] = [
  ["the v2 client, 2026-07-28", (url) => v2Http(url, "2026")],
  ["the v2 client, 2025-11-25", (url) => v2Http(url, "2025")],
  ["the v1 client", (url) => v1Http(url)],
];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The files of the page: each block of code that begins with its path. */
async function filesOfPage(): Promise<ReadonlyMap<string, string>> {
  const page = await readFile(join(await findRoot(), "docs/mounting.md"), "utf8");
  const part = /^## Next\n[\s\S]*?(?=^## )/m.exec(page)?.[0] ?? "";
  const blocks = [...part.matchAll(/^```(?:ts|typescript)\n(\/\/ (\S+)\n[\s\S]*?)^```/gm)];
  return new Map(blocks.map(([, code = "", path = ""]) => [path, code]));
}

async function makeApplication(folder: string): Promise<void> {
  const packed = await packInto(folder);
  const library = packed.find(({ name }) => name === "holdfast");
  if (library === undefined) throw new Error("npm packed no library");
  // What create-next-app makes, as far as it matters here.
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "shop", private: true }));
  await mkdir(join(folder, "app"));
  const layout = "export default function Layout({ children }) { return <html><body>{children}</body></html>; }\n";
  await writeFile(join(folder, "app/layout.jsx"), layout);
  const compilerOptions = { allowImportingTsExtensions: true };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const files = await filesOfPage();
  if (files.size !== 4) throw new Error(`the page has ${files.size} files, not four`);
  for (const [path, code] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), code);
  }
  const own = ["next@16", "react@19", "react-dom@19", "typescript", "@types/node", "@types/react"];
  await npm(folder, "install", "--no-audit", "--no-fund", ...own);
  await npm(folder, "install", "--no-audit", "--no-fund", tarballOf(folder, library), "zod");
}

type Site = AsyncDisposable & { readonly url: string; readonly process: ChildProcess };

async function start(folder: string, port: number): Promise<Site> {
  const next = join(folder, "node_modules/next/dist/bin/next");
  const env = { ...process.env, NEXT_MANUAL_SIG_HANDLE: "true", NEXT_TELEMETRY_DISABLED: "1" };
  const words = [next, "start", "--hostname", "127.0.0.1", "--port", String(port)];
  const child = spawn(process.execPath, words, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  const closed = once(child, "close");
  await poll(() => (said.includes("Ready in") ? true : undefined), "Next is ready", startMs);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    process: child,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await within(closed, 10_000, () => `Next did not end:\n${said}`);
    },
  };
}

/** A basket that outlives the process it was opened in, for each client. */
async function shop(folder: string, port: number): Promise<void> {
  for (const [name, connect] of clients) {
    let basket: string;
    {
      await using site = await start(folder, port);
      await using client = await connect(site.url);
      basket = textOf(await valueOf(client.call("create_basket")), "basket");
      await valueOf(client.call("add_item", { basket, sku: "tea" }));
    }
    await using site = await start(folder, port);
    await using client = await connect(site.url);
    const { value } = await valueOf(client.call("add_item", { basket, sku: "milk" }));
    const found = JSON.stringify(value);
    if (found !== '{"items":["tea","milk"]}') throw new Error(`${name} found ${found}`);
    await client.end();
    say(`ok  ${name}, across kill -9`);
  }
}

/** Asked to stop, Next leaves it to the page's handler, which ends with 0; by itself it would end by the signal. */
async function stop(folder: string, port: number): Promise<void> {
  await using site = await start(folder, port);
  await using client = await v2Http(site.url, "2025");
  await valueOf(client.call("create_basket"));
  site.process.kill("SIGTERM");
  const [code] = await within(once(site.process, "close"), 20_000, () => "Next did not stop");
  if (code !== 0) throw new Error(`Next ended with ${String(code)}`);
  say("ok  stopped by SIGTERM");
}

const folder = await mkdtemp(join(tmpdir(), "holdfast-next-"));
try {
  say("installing Next …");
  await makeApplication(folder);
  say("next build …");
  await npm(folder, "exec", "--", "next", "build");
  const port = await freePort();
  await shop(folder, port);
  await stop(folder, port);
} finally {
  await rm(folder, { recursive: true, force: true });
}
