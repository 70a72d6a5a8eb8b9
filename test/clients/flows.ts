/** What an agent does with a server, told once and walked by every client. */
import { expect } from "vitest";

import { type Arguments, type Caller, faultOf, textOf, valueOf } from "./caller.ts";

/** The tools of this version of the server. More may come; none may go. */
export const toolNames: readonly string[] = [
  "create_session",
  "record_action",
  "get_context",
  "set_preference",
  "increment_counter",
  "set_session_data",
  "get_session_data",
  "delete_session_data",
  "list_session_keys",
  "list_sessions",
  "clear_session",
  "end_session",
  "start_workflow",
  "complete_step",
  "advance_phase",
  "record_error",
  "resolve_error",
  "get_workflow_state",
  "get_workflow_history",
  "server_stats",
  "get_server_config",
];

const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const document = { sizes: [1, 2.5, -3], nested: { empty: {}, text: "ünïcödé \u{1f4be}", nothing: null } };

/** Makes a session and leaves something of every sort in it. Returns its id. */
export async function fillSession(caller: Caller): Promise<string> {
  const made = await valueOf(caller.call("create_session", { label: "flow", metadata: document }));
  expect(made).toEqual({
    session_id: expect.stringMatching(/^ses_[A-Za-z0-9_-]+$/),
    created_at: expect.stringMatching(isoTime),
    expires_at: expect.stringMatching(isoTime),
  });
  const id = textOf(made, "session_id");

  for (const position of [1, 2]) {
    const action = { session_id: id, action: "opened", details: { file: `${position}.txt` } };
    expect(await valueOf(caller.call("record_action", action))).toEqual({
      session_id: id,
      position,
      total_events: position,
    });
  }
  expect(await valueOf(caller.call("increment_counter", { session_id: id, name: "seen" }))).toEqual({
    session_id: id,
    name: "seen",
    value: 1,
  });
  expect(await valueOf(caller.call("increment_counter", { session_id: id, name: "seen", by: 41 }))).toMatchObject({
    value: 42,
  });
  expect(await valueOf(caller.call("set_preference", { session_id: id, key: "tone", value: "dry" }))).toMatchObject({
    session_id: id,
    preferences: { tone: "dry" },
  });
  expect(
    await valueOf(caller.call("set_session_data", { session_id: id, key: "draft", value: document })),
  ).toMatchObject({ session_id: id, key: "draft", value: document });
  return id;
}

/** Finds everything `fillSession` left, and nothing else. */
export async function expectFilled(caller: Caller, id: string): Promise<void> {
  const context = await valueOf(caller.call("get_context", { session_id: id }));
  expect(context).toMatchObject({
    session_id: id,
    label: "flow",
    total_events: 2,
    metadata: document,
    preferences: { tone: "dry" },
    counters: { seen: 42 },
  });
  expect(context["recent_events"]).toEqual(
    [1, 2].map((position) => ({
      position,
      type: "opened",
      payload: { file: `${position}.txt` },
      at: expect.stringMatching(isoTime),
    })),
  );
  expect(await valueOf(caller.call("get_session_data", { session_id: id, key: "draft" }))).toMatchObject({
    value: document,
  });
  expect(await valueOf(caller.call("list_session_keys", { session_id: id }))).toEqual({
    session_id: id,
    keys: ["draft"],
  });
  expect(await listedSessions(caller)).toContain(id);
}

/** Repeats calls with idempotency keys: once each, however often they are asked for. */
export async function expectRepeatsToCountOnce(caller: Caller, id: string): Promise<void> {
  const add = { session_id: id, name: "repeated", by: 5, idempotency_key: "add-five" };
  const log = { session_id: id, action: "repeated", details: { n: 1 }, idempotency_key: "log-one" };
  const added = await valueOf(caller.call("increment_counter", add));
  const logged = await valueOf(caller.call("record_action", log));
  for (let repeat = 0; repeat < 3; repeat++) {
    expect(await valueOf(caller.call("increment_counter", add))).toEqual(added);
    expect(await valueOf(caller.call("record_action", log))).toMatchObject({ position: logged["position"] });
  }
  expect(await faultOf(caller.call("increment_counter", { ...add, by: 6 }))).toMatchObject({ code: "conflict" });
  expect(await faultOf(caller.call("record_action", { ...log, details: { n: 2 } }))).toMatchObject({
    code: "conflict",
  });
  const context = await valueOf(caller.call("get_context", { session_id: id }));
  expect(context["counters"]).toMatchObject({ repeated: 5 });
  expect(context["total_events"]).toBe(logged["position"]);
}

/** Every fault a caller can make with a session, each answered in the one form errors have. */
export async function expectMistakesAnswered(caller: Caller, id: string): Promise<void> {
  const mistakes: readonly (readonly [tool: string, args: Arguments, code: string])[] = [
    ["get_context", { session_id: "ses_doesNotExistDoesNotExist" }, "not_found"],
    ["get_session_data", { session_id: id, key: "never-set" }, "not_found"],
    ["increment_counter", { session_id: id }, "invalid_argument"],
    ["increment_counter", { session_id: id, name: "n", by: 0.5 }, "invalid_argument"],
    ["increment_counter", { session_id: id, name: "n".repeat(129) }, "invalid_argument"],
    ["get_context", { session_id: id, max_turns: 51 }, "invalid_argument"],
    ["record_action", { session_id: id, action: "a", surprise: true }, "invalid_argument"],
    ["set_session_data", { session_id: id, key: "no-value" }, "invalid_argument"],
  ];
  for (const [tool, args, code] of mistakes) {
    const fault = await faultOf(caller.call(tool, args));
    expect({ tool, args, ...fault }).toMatchObject({ tool, args, code, retryable: false });
    expect(fault.message).toMatch(/\S+ \S+ \S+/);
  }
}

/** Ends a session. Nothing of it can be reached any more. */
export async function expectEndOf(caller: Caller, id: string): Promise<void> {
  expect(await valueOf(caller.call("end_session", { session_id: id }))).toEqual({ session_id: id, ended: true });
  for (const tool of ["get_context", "list_session_keys", "end_session"]) {
    const fault = await faultOf(caller.call(tool, { session_id: id }));
    expect({ tool, ...fault }).toMatchObject({ tool, code: "not_found" });
  }
  expect(await listedSessions(caller)).not.toContain(id);
}

/** The ids of all sessions of the caller, page by page. */
export async function listedSessions(caller: Caller): Promise<readonly string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await valueOf(caller.call("list_sessions", { limit: 100, ...(after !== undefined && { after }) }));
    const sessions = page["sessions"];
    if (!Array.isArray(sessions)) throw new Error(`no sessions in ${JSON.stringify(page)}`);
    ids.push(...sessions.map((session: Readonly<Record<string, unknown>>) => textOf(session, "session_id")));
    after = page["next"] === undefined ? undefined : textOf(page, "next");
  } while (after !== undefined);
  return ids;
}
