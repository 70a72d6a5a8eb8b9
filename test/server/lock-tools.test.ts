import { describe, expect, it } from "vitest";

import { faultOf, valueOf } from "../clients/caller.ts";
import { poll } from "../lib/server-process.ts";
import { connect } from "./connect.ts";
import { iso, toolBench } from "./tool-bench.ts";

const bench = toolBench();

async function acquire(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<number> {
  const { token } = await valueOf(bench.call("acquire_lock", { name, ...more }));
  if (typeof token !== "number") throw new Error("the lock was not acquired");
  return token;
}

describe("locks", () => {
  it("are taken, renewed and released in exact shapes, by whoever knows the token", async () => {
    const name = "build";
    const taken = await valueOf(bench.call("acquire_lock", { name }));
    expect(taken).toEqual({ name, acquired: true, token: expect.any(Number), expires_at: iso });
    const { token } = taken;
    expect(await valueOf(bench.call("acquire_lock", { name }))).toEqual({ name, acquired: false });
    await using other = await connect(bench.server.url, "2025");
    expect(await valueOf(other.call("acquire_lock", { name, wait_ms: 30 }))).toEqual({ name, acquired: false });
    const renewed = await valueOf(other.call("renew_lock", { name, token, ttl_ms: 300_000 }));
    expect(renewed).toEqual({ name, renewed: true, expires_at: iso });
    const aheadMs = Date.parse(String(renewed["expires_at"])) - Date.parse(String(taken["expires_at"]));
    expect(aheadMs).toBeGreaterThan(200_000);
    expect(await valueOf(other.call("release_lock", { name, token }))).toEqual({ name, released: true });
    expect(await valueOf(bench.call("release_lock", { name, token }))).toEqual({ name, released: false });
    expect(await valueOf(bench.call("renew_lock", { name, token }))).toEqual({ name, renewed: false });
  });

  it("have tokens that only grow, and nobody else's token does anything", async () => {
    const first = await acquire("token");
    expect(await valueOf(bench.call("release_lock", { name: "token", token: first + 1 }))).toMatchObject({
      released: false,
    });
    await valueOf(bench.call("release_lock", { name: "token", token: first }));
    const second = await acquire("token");
    expect(second).toBeGreaterThan(first);
    expect(await valueOf(bench.call("renew_lock", { name: "token", token: first }))).toMatchObject({ renewed: false });
    expect(await valueOf(bench.call("acquire_lock", { name: "token" }))).toMatchObject({ acquired: false });
  });

  it("are waited for, and end by themselves", async () => {
    const name = "wait";
    const token = await acquire(name);
    const waiting = valueOf(bench.call("acquire_lock", { name, wait_ms: 10_000, ttl_ms: 1_000 }));
    await valueOf(bench.call("release_lock", { name, token }));
    const next = await waiting;
    expect(next).toMatchObject({ acquired: true });
    // Nobody releases this one.
    expect(await valueOf(bench.call("acquire_lock", { name, wait_ms: 10_000 }))).toMatchObject({ acquired: true });
    expect(await valueOf(bench.call("renew_lock", { name, token: next["token"] }))).toEqual({ name, renewed: false });
  });

  it("are counted in the statistics of the node", async () => {
    const before = (await valueOf(bench.call("server_stats")))["locks"] as number;
    const token = await acquire("counted");
    expect((await valueOf(bench.call("server_stats")))["locks"]).toBe(before + 1);
    await valueOf(bench.call("release_lock", { name: "counted", token }));
    expect((await valueOf(bench.call("server_stats")))["locks"]).toBe(before);
  });

  it.each([
    ["acquire_lock", { name: "" }],
    ["acquire_lock", { name: "n".repeat(129) }],
    ["acquire_lock", { name: "n", ttl_ms: 999 }],
    ["acquire_lock", { name: "n", ttl_ms: 300_001 }],
    ["acquire_lock", { name: "n", wait_ms: 60_001 }],
    ["acquire_lock", { name: "n", wait_ms: -1 }],
    ["acquire_lock", { name: "n", session_id: "x" }],
    ["renew_lock", { name: "n" }],
    ["release_lock", { name: "n", token: 0 }],
    ["join_channel", { channel: "" }],
    ["broadcast", { channel: "c" }],
    ["read_channel", { channel: "c", limit: 501 }],
    ["read_channel", { channel: "c", limit: 0 }],
  ])("%s refuses %j", async (tool, args) => {
    expect(await faultOf(bench.call(tool, args))).toMatchObject({ code: "invalid_argument", retryable: false });
  });
});

describe("channels", () => {
  it("are joined, read and left in exact shapes, and the sender is no recipient", async () => {
    const [ann, bob] = [await bench.newSession({ label: "ann" }), await bench.newSession()];
    const channel = "ops";
    const as = (session_id: string, more: Readonly<Record<string, unknown>> = {}) => ({ channel, session_id, ...more });
    expect(await valueOf(bench.call("join_channel", as(ann)))).toEqual({ channel, members: 1 });
    expect(await valueOf(bench.call("join_channel", as(bob)))).toEqual({ channel, members: 2 });
    expect(await valueOf(bench.call("join_channel", as(bob)))).toEqual({ channel, members: 2 });
    for (const [position, message] of [{ a: [null] }, "two", 3].entries()) {
      const sent = await valueOf(bench.call("broadcast", as(ann, { message })));
      expect(sent).toEqual({ channel, position: position + 1, recipients: 1 });
    }
    await valueOf(bench.call("broadcast", as(bob, { message: null })));
    const of = (position: number, from: string, message: unknown) => ({ position, from, message, at: iso });
    const all = [of(1, "ann", { a: [null] }), of(2, "ann", "two"), of(3, "ann", 3), of(4, bob, null)];
    expect(await valueOf(bench.call("read_channel", { channel }))).toEqual({ messages: all });
    expect(await valueOf(bench.call("read_channel", { channel, after: 1, limit: 2 }))).toEqual({
      messages: all.slice(1, 3),
      next: 3,
    });
    expect(await valueOf(bench.call("read_channel", { channel, after: 4 }))).toEqual({ messages: [] });
    expect(await faultOf(bench.call("read_channel", { channel, after: 5 }))).toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(/follow position 5 .* Read without after\.$/),
    });
    expect(await valueOf(bench.call("leave_channel", as(ann)))).toEqual({ channel, members: 1 });
    expect(await valueOf(bench.call("leave_channel", as(ann)))).toEqual({ channel, members: 1 });
    expect(await faultOf(bench.call("broadcast", as(ann, { message: 1 })))).toMatchObject({ code: "invalid_argument" });
    expect(await valueOf(bench.call("broadcast", as(bob, { message: 1 })))).toMatchObject({ recipients: 0 });
    expect(await valueOf(bench.call("read_channel", { channel: "nobody was here" }))).toEqual({ messages: [] });
  });

  it("lose the members whose sessions end", async () => {
    const [ann, bob] = [await bench.newSession(), await bench.newSession()];
    for (const session_id of [ann, bob]) await valueOf(bench.call("join_channel", { channel: "ending", session_id }));
    await valueOf(bench.call("end_session", { session_id: bob }));
    const sent = bench.call("broadcast", { channel: "ending", session_id: ann, message: 1 });
    expect(await valueOf(sent)).toMatchObject({ recipients: 0 });
    expect(await faultOf(bench.call("join_channel", { channel: "ending", session_id: bob }))).toMatchObject({
      code: "not_found",
    });
  });

  it("need a session, which a 2025-era connection has", async () => {
    expect(await faultOf(bench.call("join_channel", { channel: "own" }))).toMatchObject({ code: "invalid_argument" });
    await using own = await connect(bench.server.url, "2025");
    expect(await valueOf(own.call("join_channel", { channel: "own" }))).toEqual({ channel: "own", members: 1 });
    expect(await valueOf(own.call("broadcast", { channel: "own", message: 1 }))).toMatchObject({ recipients: 0 });
  });

  it("tell subscribers that somebody came, spoke or went", async () => {
    await using listener = await connect(bench.server.url, "2025");
    const heard: string[] = [];
    listener.client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      heard.push(params.uri);
    });
    const uri = `channel://${encodeURIComponent("told of")}`;
    await listener.client.subscribeResource({ uri });
    const session_id = await bench.newSession({ label: "ann" });
    const calls = [
      ["join_channel", {}],
      ["broadcast", { message: 1 }],
      ["leave_channel", {}],
    ] as const;
    for (const [tool, more] of calls) {
      const before = heard.length;
      await valueOf(bench.call(tool, { channel: "told of", session_id, ...more }));
      await poll(() => (heard.length > before ? true : undefined), `a notification after ${tool}`);
    }
    expect(new Set(heard)).toEqual(new Set([uri]));
    const { contents } = await listener.client.readResource({ uri });
    const [content] = contents;
    const text = content !== undefined && "text" in content ? content.text : "";
    expect(JSON.parse(text)).toEqual({
      channel: "told of",
      members: [],
      recent_events: [
        { type: "joined", member: "ann", at: iso },
        { type: "left", member: "ann", at: iso },
      ],
    });
  });
});
