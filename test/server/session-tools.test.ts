import { describe, expect, it } from "vitest";

import { faultOf, textOf, valueOf } from "../clients/caller.ts";
import { iso, toolBench } from "./tool-bench.ts";

const day = 86_400_000;
const bench = toolBench();

describe("create_session", () => {
  it("answers with an id and when the session will have expired", async () => {
    const made = await valueOf(bench.call("create_session", { label: "plans", metadata: { a: 1 } }));
    expect(made).toEqual({ session_id: expect.stringMatching(/^ses_[\w-]{20,}$/), created_at: iso, expires_at: iso });
    expect(Date.parse(textOf(made, "expires_at")) - Date.parse(textOf(made, "created_at"))).toBe(day);
  });

  it("makes a new one each time, with nothing given too", async () => {
    expect(await bench.newSession()).not.toBe(await bench.newSession());
  });

  it.each([
    [{ label: "" }],
    [{ label: "x".repeat(129) }],
    [{ label: 7 }],
    [{ label: null }],
    [{ owner: "mallory" }],
    [{ session_id: "ses_x" }],
  ])("refuses %j", async (args) => {
    expect(await faultOf(bench.call("create_session", args))).toMatchObject({ code: "invalid_argument" });
  });
});

describe("list_sessions", () => {
  it("shows one's own, newest first, in exact shape", async () => {
    const labelled = await bench.newSession({ label: "listed" });
    await valueOf(bench.call("record_action", { session_id: labelled, action: "a" }));
    const plain = await bench.newSession();
    const { sessions } = await valueOf(bench.call("list_sessions", { limit: 2 }));
    const common = { created_at: iso, last_activity: iso, expires_at: iso };
    expect(sessions).toEqual([
      { session_id: plain, label: null, total_events: 0, ...common },
      { session_id: labelled, label: "listed", total_events: 1, ...common },
    ]);
  });

  it("gives every session exactly once over its pages, and no `next` at the end", async () => {
    const made = new Set<string>();
    for (let n = 0; n < 7; n++) made.add(await bench.newSession());
    const seen: string[] = [];
    let after: unknown;
    do {
      const page = await valueOf(bench.call("list_sessions", { limit: 3, ...(after !== undefined && { after }) }));
      if (Array.isArray(page["sessions"])) seen.push(...page["sessions"].map(({ session_id }) => session_id));
      after = page["next"];
      if (!("next" in page)) break;
    } while (after !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => made.has(id))).toEqual([...made].reverse());
  });

  it.each([
    [{ limit: 0 }],
    [{ limit: 101 }],
    [{ limit: 2.5 }],
    [{ after: "" }],
    [{ after: "not-a-cursor" }],
    [{ after: 7 }],
    [{ owner: "x" }],
  ])("refuses %j", async (args) => {
    expect(await faultOf(bench.call("list_sessions", args))).toMatchObject({
      code: "invalid_argument",
      retryable: false,
    });
  });
});

describe("end_session", () => {
  it("ends a session for good, and says of an ended one what it says of any unknown one", async () => {
    const session_id = await bench.newSession();
    expect(await valueOf(bench.call("end_session", { session_id }))).toEqual({ session_id, ended: true });
    const faults = await Promise.all(
      [session_id, "ses_AAAAAAAAAAAAAAAAAAAAAA", "", "x/y", "__proto__", "s".repeat(5_000)].flatMap((id) =>
        ["end_session", "get_context", "list_session_keys"].map((tool) =>
          faultOf(bench.call(tool, { session_id: id })),
        ),
      ),
    );
    for (const fault of faults) expect(fault).toEqual({ ...faults[0], code: "not_found", retryable: false });
  });

  it("ends once where many ask at once", async () => {
    const session_id = await bench.newSession();
    const answers = await Promise.all(Array.from({ length: 10 }, () => bench.call("end_session", { session_id })));
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
  });
});
