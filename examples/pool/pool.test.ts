import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { type App, holdfast } from "holdfast";
import { race } from "holdfast/testing";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { browsing } from "./browsing.ts";
import { BrowserPool } from "./pool.ts";

type Answer = Record<string, unknown>;

const program = fileURLToPath(new URL("../../.cache/build/examples/pool/browser-process.js", import.meta.url));
const max = 6;

let site: string;
let folder: string;
let pool: BrowserPool;
let app: App;
let stop: () => Promise<void>;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  const server = countingSite().listen(0, "127.0.0.1");
  await vi.waitFor(() => expect(server.listening).toBe(true));
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = await mkdtemp(join(tmpdir(), "holdfast-pool-"));
  const hold = await holdfast({ store: "memory:" });
  pool = new BrowserPool({ program, max, spare: 2 });
  app = browsing(hold, { pool, folder });
  stop = async () => {
    await app.drain();
    await app.close();
    await hold.close();
    await pool[Symbol.asyncDispose]();
  };
  closing.push(
    () => stop(),
    () => rm(folder, { recursive: true, force: true }),
    () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  );
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A shop window that counts by a cookie, and lets in who went through the door. */
function countingSite(): Server {
  return createServer(({ url, headers }, response) => {
    const cookie = headers.cookie ?? "";
    if (url === "/door") {
      response.writeHead(302, { location: "/inside", "set-cookie": "guest=yes; Path=/" }).end();
      return;
    }
    const visits = Number(/visits=(\d+)/.exec(cookie)?.[1] ?? 0) + 1;
    const title = url === "/inside" && !cookie.includes("guest=yes") ? "Outside" : `Visit ${visits}`;
    response.setHeader("set-cookie", `visits=${visits}`);
    response.end(`<title>${title}</title><p>Tea &amp; cake<p><a href="/door">Come in</a><script>no()</script>`);
  });
}

/** A client of either era. No sockets: the app is a function from requests to responses. */
async function connect(era: "2025" | "2026"): Promise<(tool: string, args?: object) => Promise<Answer>> {
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new Client({ name: "reader", version: "1.0.0" }, { versionNegotiation: { mode } });
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => app(new Request(url, init));
  await client.connect(new StreamableHTTPClientTransport(new URL("http://localhost/mcp"), { fetch }));
  closing.unshift(() => client.close());
  return async (name, args = {}) => {
    const { structuredContent } = await client.callTool({ name, arguments: { ...args } });
    return structuredContent as Answer;
  };
}

it("gives each of several sessions one browser, however many of its calls come at once", async () => {
  const call = await connect("2026");
  const sessions = await race(max, async () => (await call("start_session"))["session"]);
  const visits = await race(10 * max, async (n) => {
    const session = sessions.values[n % max];
    return { session, ...(await call("open_page", { session, url: site })) };
  });
  expect(visits.errors).toEqual([]);
  // The cookies are one browser's: ten visits are counted from one to ten, and nobody counts for anybody else.
  for (const session of sessions.values) {
    const titles = visits.values.filter((visit) => visit.session === session).map((visit: Answer) => visit["title"]);
    expect(new Set(titles)).toEqual(new Set(Array.from({ length: 10 }, (_, n) => `Visit ${n + 1}`)));
  }
  expect(pool.counts.lent).toBe(max);

  // All are lent. Whoever ends a session makes room for another, with no memory of the one before.
  const late = (await call("start_session"))["session"];
  expect(await call("open_page", { session: late, url: site })).toMatchObject({ error: { code: "unavailable" } });
  expect(await call("end_session", { session: sessions.values[0] })).toEqual({ ended: true });
  await vi.waitFor(() => expect(pool.counts.lent).toBe(max - 1));
  expect(await call("open_page", { session: late, url: site })).toMatchObject({ title: "Visit 1" });
});

it("goes where links lead, and keeps what was read until the connection ends", async () => {
  const call = await connect("2025");
  expect(await call("open_page", { url: `${site}/inside` })).toMatchObject({
    title: "Outside",
    status: 200,
    text: "Tea & cake\nCome in",
    links: [{ link: 1, text: "Come in", url: `${site}/door` }],
  });
  expect(await call("follow_link", { link: 1 })).toMatchObject({ url: `${site}/inside`, title: "Visit 2" });
  expect(await call("follow_link", { link: 9 })).toMatchObject({ error: { code: "invalid_argument" } });

  const { errors } = await race(5, () => call("keep_page", { url: site }));
  expect(errors).toEqual([]);
  expect(await call("search_pages", { word: "CAKE" })).toEqual({
    lines: Array.from({ length: 5 }, () => "Tea & cake"),
  });
  expect(await readdir(folder)).toHaveLength(1);

  expect(await call("end_session")).toEqual({ ended: true });
  await vi.waitFor(async () => expect([pool.counts.lent, await readdir(folder)]).toEqual([0, []]));
});

it("takes another browser for one that crashed, and closes all of them when it is stopped", async () => {
  const browsers = vi.spyOn(pool, "lend");
  const call = await connect("2025");
  await call("open_page", { url: site });
  const first = await browsers.mock.results[0]?.value;
  process.kill(first.pid, "SIGKILL");
  await vi.waitFor(() => expect(first.alive).toBe(false));
  expect(await call("open_page", { url: site })).toMatchObject({ title: "Visit 1" });
  const second = await browsers.mock.results[1]?.value;
  expect([second.alive, pool.counts.lent]).toEqual([true, 1]);
  await stop();
  expect([second.alive, pool.counts]).toEqual([false, { lent: 0, waiting: 0 }]);
  stop = async () => undefined;
});
