/** The commands that look into a store, against one that real clients have filled. */
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStore } from "holdfast";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { valueOf } from "../clients/caller.ts";
import { type RunResult, removeFolder, runServer, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";
import { furnish, ownerNamed } from "./furnish.ts";

let dir: string;
let store: string;
let session: string;
let connection: string;
let workflow: string;

beforeAll(async () => {
  dir = await temporaryFolder();
  store = `sqlite:${join(dir, "state.db")}`;
  await using server = await startServer({ dir, store });
  await using modern = await connect(server.url, "2026");
  session = idOf(await valueOf(modern.call("create_session", { label: "tidy up\u001b[2J" })));
  for (const action of ["searched", "ordered", "searched"]) {
    await modern.call("record_action", { session_id: session, action, details: { for: action } });
  }
  const started = await valueOf(modern.call("start_workflow", { name: "tidy", steps: ["a", "b"] }));
  workflow = String(started["workflow_id"]);
  await modern.call("complete_step", { workflow_id: workflow, step_id: "a", agent_id: "planner" });
  await modern.call("complete_step", { workflow_id: workflow, step_id: "b", agent_id: "worker" });
  await using legacy = await connect(server.url, "2025");
  connection = idOf(await valueOf(legacy.call("record_action", { action: "looked" })));
  await server.stop();
  // Somebody else's, and one that is over.
  await using opened = await openStore(store);
  const create = { text: '{"x":1}', lifetime: { retainMs: 3_600_000 } };
  await opened.commit(ownerNamed("bob"), [{ kind: "note", id: "note_1", expect: "absent", create }]);
  const log = [{ stream: "events", data: ['{"type":"made","by":{"agent":"planner"},"payload":{"n":1}}', "no JSON"] }];
  await opened.commit(ownerNamed("bob"), [{ kind: "note", id: "note_1", expect: "present", appends: log, end: true }]);
});
afterAll(() => removeFolder(dir));

function idOf({ session_id }: Readonly<Record<string, unknown>>): string {
  return String(session_id);
}

function run(...args: readonly string[]): Promise<RunResult> {
  return runServer({ args, env: { HOLDFAST_STORE: store }, cwd: dir });
}

async function answer(...args: readonly string[]) {
  const { code, stdout, stderr } = await run(...args, "--json");
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
}

describe("sessions", () => {
  it("lists them for people, and no control character reaches the terminal", async () => {
    const { code, stdout } = await run("sessions", "list");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^id +state +last used +expires +actions +label +owner\n/);
    expect(stdout).toMatch(new RegExp(`^${session} +live +20.+Z +20.+Z +3 +tidy up\\\\u\\{1b\\}\\[2J +\\S{32}$`, "m"));
    expect(stdout).toMatch(new RegExp(`^${connection} +live \\(connection\\) `, "m"));
    expect(stdout).not.toContain("\u001b");
  });

  it("lists them for programs, most recently used first, of one principal too", async () => {
    const { total, sessions } = await answer("sessions", "list", "--principal", "local");
    expect(total).toBe(2);
    expect(sessions.map(({ id }: { id: string }) => id)).toEqual([connection, session]);
    expect(sessions[1]).toMatchObject({ label: "tidy up\u001b[2J", state: "live", version: 1 });
    expect((await answer("sessions", "list", "--limit", "1")).sessions).toHaveLength(1);
    expect((await answer("sessions", "list", "--principal", "alice")).total).toBe(0);
    expect((await answer("sessions", "list", "--state", "over")).total).toBe(0);
  });

  it("shows one whole, its connection too, and never the hash of its secret", async () => {
    const shown = await answer("sessions", "show", connection);
    expect(shown).toMatchObject({
      id: connection,
      document: { preferences: {} },
      connection: { phase: "initialized", clientInfo: { name: expect.any(String) } },
      events: { actions: [{ position: 1, data: { type: "looked" } }] },
    });
    expect(JSON.stringify(shown)).not.toContain("secretHash");
    const { stdout } = await run("sessions", "show", connection);
    expect(stdout).toContain("initialized");
    expect(stdout).not.toContain("secretHash");
  });

  it("ends one, and says when it was over already", async () => {
    expect(await answer("sessions", "end", connection)).toMatchObject({ id: connection, ended: true });
    expect((await run("sessions", "end", connection)).stdout).toContain("was over already");
    await using opened = await openStore(store);
    const over: string[] = [];
    for (const { kind, id, endedAt } of (await opened.admin.scan({ limit: 100 })).records) {
      if (id === connection && endedAt !== undefined) over.push(kind);
    }
    expect(over.sort()).toEqual(["holdfast.transport", "session"]);
  });

  it.each([
    [["sessions"], 2, "sessions needs ACTION: list, show or end"],
    [["sessions", "lits"], 2, 'ACTION is one of list, show, end, not "lits"; did you mean list?'],
    [["sessions", "show"], 2, "sessions show needs ID"],
    [["sessions", "show", "ses_nobody"], 3, "there is no session ses_nobody in this store"],
    [["sessions", "end", "ses_nobody", "--principal", "local"], 3, "there is no session ses_nobody of local"],
    [["sessions", "list", "--principal", "owner:short"], 2, "owner: is followed by the 32 characters"],
    [["sessions", "list", "--store", "sqlite:nowhere.db"], 2, "there is no file"],
  ])("%j ends with %d: %s", async (args, code, reason) => {
    const ran = await run(...args);
    expect([ran.code, ran.stdout]).toEqual([code, ""]);
    expect(ran.stderr).toContain(reason);
  });
});

describe("records and events", () => {
  it("lists records of any kind and state", async () => {
    const { records } = await answer("records", "--state", "all", "--kind", "note");
    expect(records).toMatchObject([{ kind: "note", id: "note_1", state: "ended", owner: ownerNamed("bob") }]);
    const kinds = (await answer("records")).records.map(({ kind }: { kind: string }) => kind);
    expect(kinds).toContain("session");
    expect(kinds).not.toContain("note");
  });

  it("shows one whole, ended ones as long as they are retained", async () => {
    const shown = await answer("records", "note_1");
    expect(shown).toMatchObject({
      state: "ended",
      document: { x: 1 },
      events: { events: [{ position: 1 }, { data: "no JSON" }] },
    });
    expect((await run("records", "nothing")).code).toBe(3);
  });

  it("filters events by type, agent, stream and time", async () => {
    const types = async (...more: readonly string[]): Promise<unknown> =>
      (await answer("events", session, ...more)).events.map((event: { type: string }) => event.type);
    expect(await types("--stream", "actions")).toEqual(["searched", "ordered", "searched"]);
    expect(await types("--type", "searched")).toEqual(["searched", "searched"]);
    expect(await types("--stream", "actions", "--newest", "--limit", "2")).toEqual(["searched", "ordered"]);
    expect(await types("--stream", "actions", "--after", "2")).toEqual(["searched"]);
    expect(await types("--since", "1h", "--type", "ordered")).toEqual(["ordered"]);
    expect(await types("--until", "2020-01-01")).toEqual([]);
    expect((await answer("events", "note_1", "--agent", "planner")).events).toMatchObject([
      { position: 1, type: "made", agent: "planner", stream: "events" },
    ]);
    expect((await run("events", session, "--since", "yesterday")).stderr).toContain(
      "a time such as 2026-11-25T08:00:00Z",
    );
  });

  it("shows events for people", async () => {
    const { stdout, stderr } = await run("events", session, "--stream", "actions", "--limit", "2");
    expect(stdout).toMatch(
      /^position +at +stream +type +agent +what\n +1 +20.+ +actions +searched +- +\{"for":"searched"\}\n/,
    );
    expect(stderr).toBe("more than 2; --limit N shows more, --after N goes on\n");
  });
});

describe("workflows", () => {
  it("are shown as they were at a position, and at a time", async () => {
    expect(await answer("at", workflow, "2")).toMatchObject({
      id: workflow,
      position: 2,
      head: 3,
      value: { name: "tidy", completed: ["a"] },
    });
    const { events } = await answer("events", workflow);
    expect((await answer("at", workflow, events[2].at)).value).toMatchObject({ completed: ["a", "b"] });
    const { stdout } = await run("at", workflow, "1");
    expect(stdout).toMatch(new RegExp(`^${workflow} {2}at position 1 of 3, 20.+Z\n[{]\n {2}"name": "tidy"`));
  });

  it("have a log that says who did what", async () => {
    const { events } = await answer("events", workflow, "--agent", "planner", "--type", "step_completed");
    expect(events).toMatchObject([{ position: 2, agent: "planner", data: { payload: { step_id: "a" } } }]);
  });

  it("are rebuilt from their events, where their snapshot is another", async () => {
    expect(await answer("doctor", "--repair", workflow)).toMatchObject({ position: 3, changed: false });
    await using opened = await openStore(store);
    const found = (await opened.admin.scan({ limit: 100, kind: "workflow" })).records[0];
    const text = JSON.stringify({ name: "torn", phase: "init", steps: [], completed: {} });
    const document = { text, position: found?.documentPosition };
    await opened.commit(found?.owner ?? ownerNamed(""), [
      { kind: "workflow", id: workflow, expect: "present", document },
    ]);
    expect(await answer("doctor", "--repair", workflow)).toMatchObject({ position: 3, changed: true });
    expect((await answer("records", workflow)).document).toMatchObject({ name: "tidy", completed: ["a", "b"] });
    expect((await run("doctor", "--repair", workflow)).stdout).toContain("its snapshot was right");
  });

  it.each([
    [["at", "wf_nobody", "1"], 3, "there is no record wf_nobody here"],
    [["at", "wf_nobody", "noon"], 2, "POSITION is a whole number or a time such as"],
    [["at", "wf_nobody"], 2, "at needs POSITION"],
    [["doctor", "--repair", "wf_nobody"], 3, "there is no record wf_nobody here"],
  ])("%j ends with %d: %s", async (args, code, reason) => {
    const ran = await run(...args);
    expect([ran.code, ran.stdout]).toEqual([code, ""]);
    expect(ran.stderr).toContain(reason);
  });

  it("are the only records that are kept by their events", async () => {
    const ran = await run("at", session, "1");
    expect([ran.code, ran.stderr]).toEqual([
      2,
      expect.stringContaining("is a session, which is not kept by its events"),
    ]);
    expect((await run("at", workflow, "4")).code).not.toBe(0);
  });
});

it("what a flag says a variable may say, and the flag goes first", async () => {
  const records = (...more: readonly string[]) =>
    runServer({
      args: ["records", "--store", store, ...more],
      env: { HOLDFAST_JSON: "1", HOLDFAST_LIMIT: "1", HOLDFAST_WATCH: "5s" },
      cwd: dir,
    });
  expect(JSON.parse((await records()).stdout).records).toHaveLength(1);
  expect(JSON.parse((await records("--limit", "2")).stdout).records).toHaveLength(2);
  expect((await records("--no-json")).stdout).toMatch(/^kind +id +state/);
});

describe("export and forget", () => {
  it("writes everything of a principal, a line each, so that a cut can be told", async () => {
    const file = join(dir, "local.jsonl");
    const ran = await run("export", "local", "--out", file);
    expect([ran.code, ran.stdout]).toEqual([0, ""]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const lines = (await readFile(file, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ holdfast: "export", format: 1, principal: "local" });
    expect(lines.at(-2)).toMatchObject({ holdfast: "account", floor: expect.any(Number), commits: [] });
    expect(lines.at(-1)).toMatchObject({ holdfast: "end", records: lines.length - 3 });
    expect(lines[1]).toMatchObject({ kind: "session", id: session, events: { actions: [{}, {}, {}] } });
    expect((await run("export", "local")).stdout.split("\n")).toHaveLength(lines.length + 1);
    const other = join(dir, "other.jsonl");
    const answer = JSON.parse((await run("export", "local", "--json", "--out", other)).stdout);
    const { records, events } = lines.at(-1) as { readonly records: number; readonly events: number };
    expect(answer).toEqual({ principal: "local", file: other, records, events });
    expect((await run("export", "local", "--json")).stdout.split("\n")).toHaveLength(lines.length + 1);
    expect(await run("export", "local", "--out", file)).toMatchObject({ code: 2 });
    expect(await run("export", "nobody")).toMatchObject({ code: 3, stdout: "" });
  });

  it("erases everything of a principal, once that is confirmed", async () => {
    const asked = await run("forget", "owner:" + ownerNamed("bob"));
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining("say --yes to do it unasked")]);
    expect((await answer("records", "note_1")).id).toBe("note_1");
    expect(await answer("forget", "owner:" + ownerNamed("bob"), "--yes")).toMatchObject({ erased: 1 });
    expect((await run("records", "note_1")).code).toBe(3);
    expect((await run("forget", "owner:" + ownerNamed("bob"), "--yes")).code).toBe(3);
    expect((await answer("sessions", "list", "--state", "all")).total).toBe(2);
  });

  it("finds whoever has no record any more, but keys of calls that are remembered", async () => {
    const carol = ownerNamed("carol");
    const url = `sqlite:${join(dir, "carol.db")}`;
    {
      await using other = await openStore(url);
      const commitId = { id: "once", digest: "d", origin: "caller" } as const;
      const create = { text: "{}", lifetime: {} };
      await other.commit(carol, [{ kind: "note", id: "note_9", expect: "absent", create, end: true }], { commitId });
      while ((await other.admin.reap({ limit: 100 })).more);
    }
    const at = (...args: readonly string[]) => runServer({ args: [...args, "--store", url], cwd: dir });
    expect(await at("export", `owner:${carol}`)).toMatchObject({ code: 0, stdout: expect.stringContaining('"once"') });
    expect(await at("forget", `owner:${carol}`, "--yes")).toMatchObject({ code: 0 });
    expect((await at("export", `owner:${carol}`)).code).toBe(3);
  });
});

it("an empty list says why it is empty, and in JSON is just empty", async () => {
  const absent = await run("sessions", "list", "--principal", "nobody");
  expect([absent.code, absent.stderr]).toEqual([0, "there are no sessions of that sort in this store\n"]);
  const none = await run("records", "--kind", "workflow", "--state", "over");
  expect([none.code, none.stderr]).toEqual([
    0,
    expect.stringMatching(/^none of \d+ is over; --state all shows them\n$/),
  ]);
  const events = await run("events", workflow, "--type", "nothing");
  expect([events.code, events.stderr]).toEqual([0, "no event of it is what was asked for\n"]);
  const json = await run("records", "--kind", "nothing", "--json");
  expect([JSON.parse(json.stdout), json.stderr]).toEqual([{ total: 0, records: [] }, ""]);
});

describe("doctor", () => {
  it("finds a good store good", async () => {
    const { ok, findings } = await answer("doctor");
    expect(ok).toBe(true);
    const verdicts = new Map(
      findings.map((finding: { what: string; verdict: string }) => [finding.what, finding.verdict]),
    );
    for (const what of ["runtime", "settings", "store", "durability", "clock", "content"]) {
      expect([what, verdicts.get(what)]).toEqual([what, "good"]);
    }
  });

  it("says what to change, and ends with 4", async () => {
    await chmod(join(dir, "state.db"), 0o644);
    const ran = await run("doctor", "--host", "0.0.0.0");
    expect(ran.code).toBe(4);
    expect(ran.stdout).toMatch(/^BAD +who may call +refusing to listen on 0\.0\.0\.0/m);
    expect(ran.stdout).toContain(`→ others can read it: chmod 600 ${join(dir, "state.db")}`);
    expect(ran.stdout).toContain("put TLS in front");
    await chmod(join(dir, "state.db"), 0o600);
    const keyless = await run("doctor", "--seal-keys", dir, "--max-missed-ids-per-minute", "100000");
    expect(keyless.code).toBe(4);
    expect(keyless.stdout).toMatch(/^BAD +what is sealed +the sealing keys in .* cannot be read/m);
    expect(keyless.stdout).toMatch(/^warn +--max-missed-ids-per-minute +so many/m);
    const gone = await run("doctor", "--store", "postgres://nobody@127.0.0.1:1/none", "--json");
    expect(gone.code).toBe(4);
    expect(JSON.parse(gone.stdout).findings.at(-1)).toMatchObject({ what: "store", verdict: "bad" });
  });

  it("calls a damaged file bad, and says what to do, without a stack", async () => {
    const file = join(dir, "damaged.db");
    await using store = await openStore(`sqlite:${file}`);
    await furnish(store, 2, 100);
    await store.close();
    // All but the schema, which lies on the first pages.
    const bytes = await readFile(file);
    await writeFile(file, bytes.fill(0xff, bytes.length / 4));
    const ran = await runServer({ args: ["doctor", "--store", `sqlite:${file}`], cwd: dir });
    expect([ran.code, ran.stderr]).toEqual([4, ""]);
    expect(ran.stdout).toMatch(
      /^BAD +store +the database file is damaged .*\n +→ restore a backup; keep the damaged file$/m,
    );
    const looked = await runServer({ args: ["records", "--store", `sqlite:${file}`], cwd: dir });
    expect([looked.code, looked.stderr]).toEqual([
      1,
      expect.stringMatching(/^holdfast: the database file is damaged .*\n$/),
    ]);
  });
});
