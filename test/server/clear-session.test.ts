/** What only a user may do: clear_session asks, in both eras, and over each transport's own way of asking. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { describe, expect, it } from "vitest";

import { answerOf, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { connect, type Era } from "./connect.ts";
import { toolBench } from "./tool-bench.ts";

const bench = toolBench();
const eras: readonly Era[] = ["2025", "2026"];

type Reply = { readonly action: "accept" | "decline" | "cancel"; readonly content?: Record<string, boolean> };

/** A client whose user says one thing, and hears what is asked. */
async function asked(era: Era, reply: Reply): Promise<{ client: Client; questions: string[] }> {
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new Client(
    { name: "user", version: "1.0.0" },
    { versionNegotiation: { mode }, capabilities: { elicitation: {} } },
  );
  const questions: string[] = [];
  client.setRequestHandler("elicitation/create", ({ params }) => {
    questions.push(params.message);
    return { ...reply };
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(bench.server.url)));
  return { client, questions };
}

async function filled(): Promise<string> {
  const id = await bench.newSession({ label: "full", metadata: { kept: true } });
  const session_id = id;
  await valueOf(bench.call("record_action", { session_id, action: "a" }));
  await valueOf(bench.call("set_session_data", { session_id, key: "k", value: 1 }));
  await valueOf(bench.call("set_preference", { session_id, key: "p", value: 1 }));
  await valueOf(bench.call("increment_counter", { session_id, name: "n" }));
  return id;
}

describe.each(eras)("clear_session, %s", (era) => {
  it.each<Reply>([
    { action: "accept", content: { confirm: true } },
    { action: "accept", content: {} },
  ])("clears once the user has agreed, as in %j: everything but label, metadata and id", async (reply) => {
    const session_id = await filled();
    const { client, questions } = await asked(era, reply);
    const answer = answerOf(await client.callTool({ name: "clear_session", arguments: { session_id } }));
    expect(answer).toEqual({ ok: true, value: { session_id, cleared: true } });
    expect(questions).toEqual([expect.stringContaining('"full"')]);
    expect(await valueOf(bench.call("get_context", { session_id }))).toMatchObject({
      session_id,
      label: "full",
      metadata: { kept: true },
      total_events: 0,
      preferences: {},
      recent_events: [],
      recent_turns: [],
    });
    expect(await valueOf(bench.call("list_session_keys", { session_id }))).toMatchObject({ keys: [] });
    expect(await valueOf(bench.call("increment_counter", { session_id, name: "n" }))).toMatchObject({ value: 1 });
    await client.close();
  });

  it.each<Reply>([{ action: "decline" }, { action: "cancel" }, { action: "accept", content: { confirm: false } }])(
    "leaves everything where the user says %j",
    async (reply) => {
      const session_id = await filled();
      const { client } = await asked(era, reply);
      const answer = answerOf(await client.callTool({ name: "clear_session", arguments: { session_id } }));
      expect(answer).toEqual({ ok: true, value: { session_id, cleared: false } });
      expect(await valueOf(bench.call("get_context", { session_id }))).toMatchObject({ total_events: 1 });
      await client.close();
    },
  );

  it("tells a client that cannot ask, and asks nobody about a session that is not there", async () => {
    const session_id = await filled();
    await using plain = await connect(bench.server.url, era);
    expect(await faultOf(plain.call("clear_session", { session_id }))).toMatchObject({ code: "invalid_argument" });
    const { client, questions } = await asked(era, { action: "accept" });
    const unknown = { session_id: "ses_doesNotExistDoesNotExist" };
    expect(answerOf(await client.callTool({ name: "clear_session", arguments: unknown }))).toMatchObject({
      ok: false,
      fault: { code: "not_found" },
    });
    expect(questions).toEqual([]);
    await client.close();
  });
});

describe("sessions as resources", () => {
  it.each(eras)("are listed and read, and nobody else's are, %s", async (era) => {
    const session_id = await filled();
    await using mine = await connect(bench.server.url, era);
    const uri = `session://${session_id}`;
    const { resources } = await mine.client.listResources();
    expect(resources).toContainEqual(expect.objectContaining({ uri, name: "full" }));
    const { contents } = await mine.client.readResource({ uri });
    const [content] = contents;
    const read = JSON.parse(content !== undefined && "text" in content ? content.text : "null");
    const context = await valueOf(bench.call("get_context", { session_id }));
    expect(read).toEqual(context);
    await expect(mine.client.readResource({ uri: "session://ses_doesNotExistDoesNotExist" })).rejects.toThrow(
      /not found/i,
    );
  });

  it("tell a subscriber of the 2025 revisions of each change", async () => {
    const session_id = await filled();
    await using subscriber = await connect(bench.server.url, "2025");
    const heard: string[] = [];
    subscriber.client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      heard.push(params.uri);
    });
    const uri = `session://${session_id}`;
    await subscriber.client.subscribeResource({ uri });
    await valueOf(bench.call("record_action", { session_id, action: "b" }));
    await expect.poll(() => heard, { timeout: 15_000 }).toEqual([uri]);
    await valueOf(bench.call("get_context", { session_id }));
    await valueOf(bench.call("set_session_data", { session_id: await bench.newSession(), key: "k", value: 1 }));
    await subscriber.client.unsubscribeResource({ uri });
    expect(textOf(await valueOf(bench.call("end_session", { session_id })), "session_id")).toBe(session_id);
    expect(heard).toEqual([uri]);
  });

  it("tell a listener of 2026-07-28 of each change", async () => {
    const session_id = await filled();
    await using listener = await connect(bench.server.url, "2026");
    const heard: string[] = [];
    listener.client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
      heard.push(params.uri);
    });
    const uri = `session://${session_id}`;
    const listening = await listener.client.listen({ resourceSubscriptions: [uri] });
    await valueOf(bench.call("record_action", { session_id, action: "b" }));
    await expect.poll(() => heard, { timeout: 15_000 }).toEqual([uri]);
    await listening.close();
  });
});
