import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { holdfast } from "../hold.ts";
import type { Principal } from "../security/principal.ts";
import type { Hold } from "../state/hold.ts";
import { kind } from "../state/kind.ts";
import { kindTools } from "./kind-tools.ts";
import { serve } from "./serve.ts";
import type { App } from "./types.ts";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }) });
const Note = kind("team.note", { scope: "named", schema: z.object({ text: z.string().default("") }) });
const Profile = kind("profile", { scope: "principal", schema: z.object({ name: z.string().default("nobody") }) });
const tools = { basket: kindTools(Basket), note: kindTools(Note), profile: kindTools(Profile) };
const alice: Principal = { issuer: "i", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "i", subject: "bob", scopes: [] };

let hold: Hold;
let app: App;

beforeEach(async () => {
  const opened = await holdfast({ store: "memory:", kinds: [Basket, Note, Profile] });
  hold = opened;
  app = serve(opened, { name: "s", version: "1" }, (server, { state }) => {
    tools.basket(server, state.basket);
    tools.note(server, state["team.note"]);
    tools.profile(server, state.profile);
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
      "destroy_basket",
      "get_team_note",
      "destroy_team_note",
      "get_profile",
      "destroy_profile",
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
});
