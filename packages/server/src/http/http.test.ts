import { get } from "node:http";
import { connect } from "node:net";
import type { StoreHealth } from "holdfast";
import { afterEach, describe, expect, it } from "vitest";

import { ReadinessCheck } from "./health.ts";
import { type Listening, listen } from "./listen.ts";
import { routes } from "./routes.ts";

const healthy: StoreHealth = { ok: true, durability: "all of it", warnings: [], details: {} };

type Node = {
  readonly origin: string;
  readonly listening: Listening;
  health: (signal: AbortSignal) => Promise<StoreHealth>;
  draining: boolean;
};

const open: Listening[] = [];
const onError = (error: unknown): void => {
  throw error;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close(0)));
});

async function start(deadlineMs = 1_000, token?: string): Promise<Node> {
  const node = {
    health: (_: AbortSignal): Promise<StoreHealth> => Promise.resolve(healthy),
    draining: false,
  };
  const readiness = new ReadinessCheck({
    health: (signal) => node.health(signal),
    draining: () => node.draining,
    deadlineMs,
  });
  const listener = routes({
    mcpPath: "/mcp",
    mcp: (request, response) => response.end(`mcp ${request.url}`),
    httpSse: undefined,
    metadata: undefined,
    readiness,
    metrics: { page: (_, response) => response.end("all well"), token },
    draining: () => node.draining,
  });
  const listening = await listen(listener, { host: "127.0.0.1", port: 0, maxConnections: 100, onError });
  open.push(listening);
  return Object.assign(node, { listening, origin: listening.origin });
}

describe("the HTTP app", () => {
  it("hands the MCP endpoint its path and nothing else", async () => {
    const { origin } = await start();
    for (const path of ["/mcp", "/mcp?a=b"]) {
      expect(await (await fetch(origin + path)).text()).toBe(`mcp ${path}`);
    }
    for (const path of ["/", "/mcp/", "/MCP", "/mcp/../mcp2", "/%6dcp", "/favicon.ico"]) {
      const answer = await fetch(origin + path);
      expect([path, answer.status, await answer.json()]).toEqual([
        path,
        404,
        { error: "not_found", message: "there is nothing here; MCP is served at /mcp" },
      ]);
    }
  });

  it("shows its metrics to this machine, and not to whoever a proxy on it speaks for", async () => {
    const { origin } = await start();
    expect(await (await fetch(`${origin}/metrics`)).text()).toBe("all well");
    for (const headers of [{ "x-forwarded-for": "192.0.2.1" }, { forwarded: "for=192.0.2.1" }, { via: "1.1 proxy" }]) {
      expect((await fetch(`${origin}/metrics`, { headers })).status).toBe(403);
    }
    expect((await fetch(`${origin}/metrics`, { method: "POST" })).status).toBe(405);
  });

  it("shows its metrics to no page whose own name was made to point to this machine", async () => {
    const { origin } = await start();
    const status = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get(`${origin}/metrics`, { headers: { host }, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        }).on("error", reject);
      });
    for (const host of ["localhost", "LOCALHOST:9", "127.0.0.1:1", "[::1]:1"]) {
      expect([host, await status(host)]).toEqual([host, 200]);
    }
    for (const host of [
      "evil.example:3000",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "evil.example/localhost",
      "a@localhost",
    ]) {
      expect([host, await status(host)]).toEqual([host, 403]);
    }
  });

  it("shows its metrics to nobody without their token, where they have one", async () => {
    const { origin } = await start(1_000, "s3cret");
    const status = async (authorization?: string): Promise<number> =>
      (await fetch(`${origin}/metrics`, { headers: authorization === undefined ? {} : { authorization } })).status;
    expect(await Promise.all([status(), status("Bearer other"), status("Basic s3cret")])).toEqual([401, 401, 401]);
    expect(await status("Bearer s3cret")).toBe(200);
  });

  it("is alive whatever its store does", async () => {
    const node = await start();
    node.health = () => Promise.reject(new Error("gone"));
    const answer = await fetch(`${node.origin}/healthz`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: "alive" }]);
  });

  it("is ready from the start, without any traffic", async () => {
    const answer = await fetch(`${(await start()).origin}/readyz`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: "ready", durability: "all of it" }]);
  });

  it.each([
    ["fails", () => Promise.reject(new Error("secret host name"))],
    ["says it is not well", async () => ({ ...healthy, ok: false })],
    ["does not answer", () => new Promise<never>(() => undefined)],
  ])("is not ready while its store %s, and is again afterwards", async (_, health) => {
    const node = await start(50);
    node.health = health;
    const answer = await fetch(`${node.origin}/readyz`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await answer.json()).toEqual({
      status: "not_ready",
      reason: "store",
      message: "the store cannot be reached or is not usable",
    });
    node.health = async () => healthy;
    expect((await fetch(`${node.origin}/readyz`)).status).toBe(200);
  });

  it("is not ready while draining, and lets no connection live on", async () => {
    const node = await start();
    node.draining = true;
    const answer = await fetch(`${node.origin}/readyz`);
    expect([answer.status, await answer.json()]).toMatchObject([503, { reason: "draining" }]);
    expect(answer.headers.get("connection")).toBe("close");
  });

  it("looks at the store once for many probes at once", async () => {
    const node = await start();
    let looks = 0;
    let release: (() => void) | undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    node.health = async () => {
      looks += 1;
      await released;
      return healthy;
    };
    const probes = Promise.all(Array.from({ length: 20 }, () => fetch(`${node.origin}/readyz`)));
    await expect.poll(() => looks).toBe(1);
    release?.();
    expect((await probes).every((answer) => answer.status === 200)).toBe(true);
    expect(looks).toBeLessThan(20);
  });

  it.each(["/healthz", "/readyz"])("answers HEAD and refuses other methods on %s", async (path) => {
    const { origin } = await start();
    expect((await fetch(origin + path, { method: "HEAD" })).status).toBe(200);
    const refused = await fetch(origin + path, { method: "POST", body: "{}" });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    await refused.body?.cancel();
  });

  it("refuses a head that is too large", async () => {
    const { origin } = await start();
    const answer = await fetch(`${origin}/healthz`, { headers: { "x-large": "x".repeat(17 * 1024) } });
    expect(answer.status).toBe(431);
  });

  it("closes although a client keeps its connection open and says nothing", async () => {
    const { listening } = await start();
    const socket = connect(Number(new URL(listening.origin).port), "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const gone = new Promise((resolve) => socket.once("close", () => resolve(true)));
    socket.on("error", () => undefined);
    await listening.close(20);
    expect(await gone).toBe(true);
  });

  it("says which port is taken and what to do", async () => {
    const { listening } = await start();
    const port = Number(new URL(listening.origin).port);
    const again = listen(() => undefined, { host: "127.0.0.1", port, maxConnections: 1, onError });
    await expect(again).rejects.toMatchObject({
      code: "CONFIGURATION",
      message: `127.0.0.1:${port} is in use: stop what listens there, or choose another --port (0 picks a free one)`,
    });
  });
});
