import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { race } from "holdfast/testing";
import { afterEach, beforeEach, expect, it } from "vitest";

import { openReleases, type Releases, releases } from "./workflow.ts";

let hold: Releases;
let published: string[];
let call: (tool: string, args: object) => Promise<Record<string, unknown>>;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  hold = await openReleases("memory:");
  published = [];
  const app = releases(hold, async (version) => void published.push(version));
  const client = new Client(
    { name: "agents", version: "1.0.0" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  // No sockets: the app is a function from requests to responses.
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => app(new Request(url, init));
  await client.connect(new StreamableHTTPClientTransport(new URL("http://localhost/mcp"), { fetch }));
  closing.push(
    () => client.close(),
    () => app.close(),
    () => hold.close(),
  );
  call = async (name, args) => {
    const { structuredContent } = await client.callTool({ name, arguments: { ...args } });
    return structuredContent as Record<string, unknown>;
  };
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const steps = Array.from({ length: 12 }, (_, n) => `step ${n}`);

it("gives each step to one of ten agents, and publishes once", async () => {
  const { release } = await call("plan_release", { version: "1.4.0", steps });
  const done: string[] = [];
  const agents = await race(10, async (n) => {
    const agent = `agent ${n}`;
    for (;;) {
      const { step } = await call("take_step", { release, agent });
      if (step === null) break;
      // The first to hold step 7 stumbles over it; somebody takes it up again.
      if (step === "step 7" && !done.includes("stumbled")) {
        done.push("stumbled");
        await call("fail_step", { release, agent, step, message: "a test is red" });
        continue;
      }
      done.push(step as string);
      await call("finish_step", { release, agent, step });
    }
  });
  expect(agents.rejected).toBe(0);
  expect(done.filter((step) => step !== "stumbled").sort()).toEqual([...steps].sort());

  const publishers = await race(5, (n) => call("publish", { release, agent: `agent ${n}` }));
  expect(publishers.values).toHaveLength(5);
  for (const value of publishers.values) expect(value).toMatchObject({ value: { version: "1.4.0" } });
  expect(published).toEqual(["1.4.0"]);

  const { events } = (await call("tell_release", { release })) as {
    events: { type: string; by: { agent?: string } }[];
  };
  const count = (type: string): number => events.filter((event) => event.type === type).length;
  expect([count("step_taken"), count("step_done"), count("step_failed"), count("published")]).toEqual([13, 12, 1, 1]);
  expect(events.slice(1).every(({ by }) => by.agent?.startsWith("agent "))).toBe(true);
  expect(await call("show_release", { release, at: 1 })).toMatchObject({ value: { version: "1.4.0" } });
});

it("publishes nothing that is not done, and lets nobody finish what is not his", async () => {
  const { release } = await call("plan_release", { version: "2.0.0", steps: ["only"] });
  expect(await call("publish", { release, agent: "hasty" })).toMatchObject({ error: { code: "conflict" } });
  await call("take_step", { release, agent: "one" });
  expect(await call("take_step", { release, agent: "two" })).toEqual({ release, step: null });
  expect(await call("finish_step", { release, agent: "two", step: "only" })).toMatchObject({
    error: { code: "conflict" },
  });
  expect(published).toEqual([]);
});
