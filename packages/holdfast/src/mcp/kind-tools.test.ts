import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { holdfast } from "../hold.ts";
import type { Principal } from "../security/principal.ts";
import { eventSourced } from "../state/events/kind.ts";
import type { Hold } from "../state/hold.ts";
import { kind } from "../state/kind.ts";
import { kindTools } from "./kind-tools.ts";
import { serve } from "./serve.ts";
import type { App } from "./types.ts";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }) });
const Note = kind("team.note", { scope: "named", schema: z.object({ text: z.string().default("") }) });
const Profile = kind("profile", { scope: "principal", schema: z.object({ name: z.string().default("nobody") }) });
const Flow = eventSourced("flow", {
  initial: { done: [] as string[], open: true },
  events: { step_done: z.object({ step: z.string() }), closed: z.object({}) },
  evolve: (flow, event) => {
    if (event.type === "closed") flow.open = false;
    else flow.done.push(event.payload.step);
  },
});
const Tally = eventSourced("tally", {
  scope: "named",
  initial: { n: 0 },
  events: { added: z.object({ by: z.number() }) },
  evolve: (tally, { payload }) => void (tally.n += payload.by),
});
const tools = {
  flow: kindTools(Flow),
  tally: kindTools(Tally),
  basket: kindTools(Basket),
  note: kindTools(Note),
  profile: kindTools(Profile),
};
const alice: Principal = { issuer: "i", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "i", subject: "bob", scopes: [] };

const kinds = [Basket, Note, Profile, Flow, Tally] as const;

let hold: Hold<typeof kinds>;
let app: App;

beforeEach(async () => {
  hold = await holdfast({ store: "memory:", kinds });
  app = serve(hold, { name: "s", version: "1" }, (server, { state }) => {
    tools.basket(server, state.basket);
    tools.note(server, state["team.note"]);
    tools.profile(server, state.profile);
    tools.flow(server, state.flow);
    tools.tally(server, state.tally);
  });
});
afterEach(async () => {
  await app.close();
  await hold.close();
});

async function ask(
  method: string,
  params: Record<string, unknown>,
  principal = alice,
): Promise<Record<string, unknown>> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "c", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const name = typeof params["name"] === "string" ? { "mcp-name": params["name"] } : {};
  const response = await app(
    new Request("http://localhost/mcp", {
      method: "POST",
      headers: {
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": method,
        ...name,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }),
    }),
    { principal },
  );
  return ((await response.json()) as { result: Record<string, unknown> }).result;
}

async function call(name: string, given: Record<string, unknown>, principal = alice): Promise<Record<string, unknown>> {
  return (await ask("tools/call", { name, arguments: given }, principal))["structuredContent"] as Record<
    string,
    unknown
  >;
}

describe("kindTools", () => {
  it("names tools after the kind and says in their schemas how to get a handle", async () => {
    const listed = (await ask("tools/list", {}))["tools"] as { name: string; inputSchema: unknown }[];
    expect(listed.map(({ name }) => name)).toEqual([
      "create_basket",
      "get_basket",
      "list_basket",
      "destroy_basket",
      "get_team_note",
      "list_team_note",
      "destroy_team_note",
      "get_profile",
      "destroy_profile",
      "create_flow",
      "get_flow",
      "list_flow",
      "append_to_flow",
      "get_flow_history",
      "destroy_flow",
      "get_tally",
      "list_tally",
      "append_to_tally",
      "get_tally_history",
      "destroy_tally",
    ]);
    expect(JSON.stringify(listed[1]?.inputSchema)).toContain("Handle of a basket");
  });

  it("makes, returns and ends records of many handles", async () => {
    const { basket, version } = await call("create_basket", { value: { items: ["tea"] } });
    expect(version).toBe(1);
    expect(await call("get_basket", { basket })).toMatchObject({ basket, value: { items: ["tea"] } });
    expect(await call("get_basket", { basket }, bob)).toMatchObject({ error: { code: "not_found" } });
    expect(await call("destroy_basket", { basket }, bob)).toEqual({ basket, destroyed: false });
    expect(await call("destroy_basket", { basket })).toEqual({ basket, destroyed: true });
    expect(await call("destroy_basket", { basket })).toEqual({ basket, destroyed: false });
    expect(await call("create_basket", { value: { items: 5 } })).toMatchObject({ error: { code: "invalid_argument" } });
    expect(await call("get_basket", { basket, more: 1 })).toMatchObject({ error: { code: "invalid_argument" } });
  });

  it("opens named records by name, and the caller's one without", async () => {
    const first = await call("get_team_note", { name: "plan" });
    expect(first).toMatchObject({ value: { text: "" } });
    expect((await call("get_team_note", { name: "plan" }))["team.note"]).toBe(first["team.note"]);
    expect(await call("destroy_team_note", { name: "plan" })).toEqual({ name: "plan", destroyed: true });
    expect(await call("get_profile", {})).toMatchObject({ value: { name: "nobody" } });
    expect(await call("destroy_profile", {})).toEqual({ destroyed: true });
  });

  it("append to event-sourced records, show them as they are and were, and tell who did what", async () => {
    const { flow } = await call("create_flow", { events: [{ type: "step_done", payload: { step: "a" } }], agent: "x" });
    expect(await call("append_to_flow", { flow, event: { type: "closed" }, agent: "y", expected_position: 1 })).toEqual(
      {
        flow,
        position: 2,
      },
    );
    expect(await call("get_flow", { flow })).toMatchObject({ flow, position: 2, value: { done: ["a"], open: false } });
    expect(await call("get_flow", { flow, at_position: 1 })).toEqual({
      flow,
      position: 1,
      value: { done: ["a"], open: true },
    });
    const told = await call("get_flow_history", { flow, limit: 1 });
    expect(told).toEqual({
      events: [
        { position: 1, type: "step_done", payload: { step: "a" }, agent: "x", at: expect.any(String) as string },
      ],
      next: 1,
    });
    expect(await call("get_flow_history", { flow, agent: "y" })).toMatchObject({ events: [{ type: "closed" }] });
    const wrong = { flow, event: { type: "step_done", payload: { step: 1 } } };
    expect(await call("append_to_flow", wrong)).toMatchObject({ error: { code: "invalid_argument" } });
    const late = { flow, event: { type: "closed" }, expected_position: 1 };
    expect(await call("append_to_flow", late)).toMatchObject({ error: { code: "conflict" } });
    expect(await call("get_flow", { flow }, bob)).toMatchObject({ error: { code: "not_found" } });
    expect(await call("destroy_flow", { flow })).toEqual({ flow, destroyed: true });
    expect(await call("append_to_tally", { name: "n", event: { type: "added", payload: { by: 4 } } })).toMatchObject({
      position: 1,
    });
    expect(await call("get_tally", { name: "n" })).toMatchObject({ value: { n: 4 }, position: 1 });
    expect(await call("destroy_tally", { name: "n" })).toEqual({ name: "n", destroyed: true });
  });

  it("list what there is, a page at a time, and to nobody else", async () => {
    for (let n = 0; n < 3; n++) await call("create_basket", { value: { items: [String(n)] } });
    await call("get_team_note", { name: "plan" });
    await call("append_to_tally", { name: "n", event: { type: "added", payload: { by: 4 } } });
    const first = await call("list_basket", { limit: 2 });
    const second = await call("list_basket", { limit: 2, after: first["next"] });
    const listed = [...(first["records"] as object[]), ...(second["records"] as object[])];
    expect(listed).toHaveLength(3);
    expect(listed[0]).toEqual({
      basket: expect.stringMatching(/^basket_/) as string,
      version: 1,
      created_at: expect.any(String) as string,
      updated_at: expect.any(String) as string,
    });
    expect(second["next"]).toBeUndefined();
    expect(await call("list_team_note", {})).toMatchObject({ records: [{ name: "plan" }] });
    expect(await call("list_tally", {})).toMatchObject({ records: [{ name: "n" }] });
    expect(await call("list_basket", {}, bob)).toEqual({ records: [] });
    for (const wrong of [{ after: "nonsense" }, { limit: 101 }, { limit: 0 }, { owner: "alice" }]) {
      expect(await call("list_basket", wrong), JSON.stringify(wrong)).toMatchObject({
        error: { code: "invalid_argument" },
      });
    }
    expect(await call("list_basket", { after: first["next"] }, bob)).toMatchObject({
      error: { code: "invalid_argument" },
    });
  });

  it("count once by a key, and tell clients what they do", async () => {
    const once = { value: { items: ["tea"] }, idempotency_key: "k" };
    const made = await call("create_basket", once);
    expect(await call("create_basket", once)).toEqual(made);
    expect(await call("create_basket", { ...once, value: {} })).toMatchObject({ error: { code: "conflict" } });
    const { flow } = await call("create_flow", {});
    const append = { flow, event: { type: "closed" }, idempotency_key: "k" };
    expect(await call("append_to_flow", append)).toEqual(await call("append_to_flow", append));
    expect(await call("get_flow", { flow })).toMatchObject({ position: 1 });
    const end = { flow, idempotency_key: "k" };
    expect(await call("destroy_flow", end)).toEqual({ flow, destroyed: true });
    expect(await call("destroy_flow", end)).toEqual({ flow, destroyed: true });
    const { tools: listed } = (await ask("tools/list", {})) as {
      tools: { name: string; annotations: Record<string, boolean>; inputSchema: { additionalProperties: unknown } }[];
    };
    const hints = new Map(listed.map(({ name, annotations }) => [name, annotations]));
    expect(hints.get("create_basket")).toMatchObject({ readOnlyHint: false, destructiveHint: false });
    expect(hints.get("get_basket")).toMatchObject({ readOnlyHint: true });
    expect(hints.get("get_team_note")).toMatchObject({ readOnlyHint: false, destructiveHint: false });
    expect(hints.get("destroy_flow")).toMatchObject({ destructiveHint: true });
    expect(listed.filter(({ inputSchema }) => inputSchema.additionalProperties !== false)).toEqual([]);
  });

  it("answer every handle that leads nowhere alike", async () => {
    const { basket } = await call("create_basket", {});
    const { flow } = await call("create_flow", {});
    const ended = (await call("create_basket", {}))["basket"];
    await call("destroy_basket", { basket: ended });
    const unknown = await ask("tools/call", { name: "get_basket", arguments: { basket: "basket_x" } });
    expect(unknown["structuredContent"]).toMatchObject({ error: { code: "not_found" } });
    for (const wrong of [ended, flow, "", "x".repeat(5_000), "a/b", "basket_\u0000"]) {
      expect(await ask("tools/call", { name: "get_basket", arguments: { basket: wrong } })).toEqual(unknown);
    }
    expect(await ask("tools/call", { name: "get_basket", arguments: { basket } }, bob)).toEqual(unknown);
    for (const tool of ["get_flow", "get_flow_history"]) {
      expect(await ask("tools/call", { name: tool, arguments: { flow: basket } })).toEqual(unknown);
      expect(await ask("tools/call", { name: tool, arguments: { flow } }, bob)).toEqual(unknown);
    }
  });

  it("filter a history by time", async () => {
    const { flow } = await call("create_flow", { events: [{ type: "closed" }] });
    const { events } = await call("get_flow_history", { flow });
    const { at } = (events as { at: string }[])[0] ?? { at: "" };
    const later = new Date(Date.parse(at) + 1).toISOString();
    expect(await call("get_flow_history", { flow, since: at, until: at })).toMatchObject({ events: [{ at }] });
    expect(await call("get_flow_history", { flow, since: later })).toEqual({ events: [] });
    expect(await call("get_flow_history", { flow, since: "yesterday" })).toMatchObject({
      error: { code: "invalid_argument" },
    });
  });

  it("are refused for a kind whose handle would have the name of another argument", () => {
    const wrong = eventSourced("event", { initial: {}, events: { a: z.object({}) }, evolve: () => undefined });
    expect(() => kindTools(wrong)).toThrow(/rename the kind/);
  });

  it("leave a note of the tool call in each event", async () => {
    const { flow } = await call("create_flow", { events: [{ type: "closed" }] });
    const { events } = await hold.state(alice).flow.history(String(flow));
    expect(events).toMatchObject([{ by: { client: "c", tool: "create_flow", call: expect.any(String) as string } }]);
  });
});
