import { describe, expect, it } from "vitest";

import { faultOf, textOf, valueOf } from "../clients/caller.ts";
import { poll } from "../lib/waiting.ts";
import { connect } from "./connect.ts";
import { iso, toolBench } from "./tool-bench.ts";

const bench = toolBench();

async function start(args: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return textOf(await valueOf(bench.call("start_workflow", { name: "release", ...args })), "workflow_id");
}

const state = (workflow_id: string) => valueOf(bench.call("get_workflow_state", { workflow_id }));

describe("a workflow", () => {
  it("is started, driven and looked at in exact shapes", async () => {
    const started = await valueOf(bench.call("start_workflow", { name: "release", steps: ["build", "test"] }));
    const workflow_id = textOf(started, "workflow_id");
    const begun = {
      workflow_id,
      name: "release",
      phase: "init",
      steps: ["build", "test"],
      completed_steps: [],
      has_error: false,
      position: 1,
    };
    expect(started).toEqual(begun);
    const built = { ...begun, phase: "testing", completed_steps: ["build"], position: 2 };
    const complete = { workflow_id, step_id: "build", next_phase: "testing", agent_id: "builder" };
    expect(await valueOf(bench.call("complete_step", complete))).toEqual(built);
    const failing = { workflow_id, message: "a test is red", agent_id: "tester" };
    const failed = { ...built, has_error: true, error_message: "a test is red", position: 3 };
    expect(await valueOf(bench.call("record_error", failing))).toEqual(failed);
    expect(await valueOf(bench.call("resolve_error", { workflow_id, agent_id: "builder" }))).toEqual({
      ...built,
      position: 4,
    });
    // Where there is no error nothing changes.
    expect(await valueOf(bench.call("resolve_error", { workflow_id }))).toEqual({ ...built, position: 4 });
    const shipping = { ...built, phase: "shipping", position: 5 };
    expect(await valueOf(bench.call("advance_phase", { workflow_id, phase: "shipping" }))).toEqual(shipping);
    expect(await state(workflow_id)).toEqual(shipping);
    for (const [at_position, past] of [begun, built, failed, { ...built, position: 4 }, shipping].entries()) {
      const asked = bench.call("get_workflow_state", { workflow_id, at_position: at_position + 1 });
      expect(await valueOf(asked)).toEqual(past);
    }
    expect(await valueOf(bench.call("get_workflow_history", { workflow_id }))).toEqual({
      events: [
        {
          position: 1,
          type: "started",
          payload: { name: "release", steps: ["build", "test"] },
          agent_id: null,
          at: iso,
        },
        {
          position: 2,
          type: "step_completed",
          payload: { step_id: "build", next_phase: "testing" },
          agent_id: "builder",
          at: iso,
        },
        { position: 3, type: "error_recorded", payload: { message: "a test is red" }, agent_id: "tester", at: iso },
        { position: 4, type: "error_resolved", payload: {}, agent_id: "builder", at: iso },
        { position: 5, type: "phase_advanced", payload: { phase: "shipping" }, agent_id: null, at: iso },
      ],
    });
  });

  it("takes any step where none were given, and each but once", async () => {
    const workflow_id = await start();
    const first = await valueOf(bench.call("complete_step", { workflow_id, step_id: "anything" }));
    expect(first).toMatchObject({ steps: [], completed_steps: ["anything"], position: 2 });
    expect(await valueOf(bench.call("complete_step", { workflow_id, step_id: "anything", next_phase: "x" }))).toEqual(
      first,
    );
  });

  it("takes no step that it was not given", async () => {
    const workflow_id = await start({ steps: ["a"] });
    const fault = await faultOf(bench.call("complete_step", { workflow_id, step_id: "b" }));
    expect(fault).toMatchObject({ code: "invalid_argument", retryable: false });
    expect(fault.message).toContain('"b"');
    expect(await state(workflow_id)).toMatchObject({ position: 1, completed_steps: [] });
  });

  it("lets exactly one of many change it at a position", async () => {
    const workflow_id = await start();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => {
        const tool = n % 2 === 0 ? "complete_step" : "advance_phase";
        const args = n % 2 === 0 ? { step_id: `s${n}` } : { phase: `p${n}` };
        return bench.call(tool, { workflow_id, expected_position: 1, ...args });
      }),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    for (const answer of answers) {
      if (!answer.ok) expect(answer.fault).toMatchObject({ code: "conflict", retryable: false });
    }
    expect(await state(workflow_id)).toMatchObject({ position: 2 });
  });

  it("loses no step of many agents at once, however long it gets", { timeout: 60_000 }, async () => {
    const workflow_id = await start();
    const steps = Array.from({ length: 120 }, (_, n) => `step ${n}`);
    await Promise.all(
      steps.map((step_id, n) => valueOf(bench.call("complete_step", { workflow_id, step_id, agent_id: `a${n % 3}` }))),
    );
    const { completed_steps, position } = await state(workflow_id);
    expect([[...(completed_steps as string[])].sort(), position]).toEqual([[...steps].sort(), 121]);
    const mine = await valueOf(bench.call("get_workflow_history", { workflow_id, agent_id: "a1", limit: 500 }));
    expect(mine["events"]).toHaveLength(40);
  });

  it("counts a repetition under one idempotency key once", async () => {
    const workflow_id = await start();
    const args = { workflow_id, step_id: "a", expected_position: 1, idempotency_key: "k" };
    const answers = await Promise.all(Array.from({ length: 5 }, () => valueOf(bench.call("complete_step", args))));
    for (const answer of answers) expect(answer).toMatchObject({ completed_steps: ["a"], position: 2 });
    const other = bench.call("complete_step", { ...args, step_id: "b" });
    expect(await faultOf(other)).toMatchObject({ code: "conflict", retryable: false });
    // The first answer, whatever has happened since.
    await valueOf(bench.call("advance_phase", { workflow_id, phase: "later" }));
    expect(await valueOf(bench.call("complete_step", args))).toEqual(answers[0]);
  });

  it("pages through its history, filtered by agent and type", async () => {
    const workflow_id = await start();
    for (let n = 1; n <= 6; n++) {
      const args = { workflow_id, step_id: `s${n}`, agent_id: n % 2 === 0 ? "even" : "odd" };
      await valueOf(bench.call("complete_step", args));
    }
    const page = async (args: object) => await valueOf(bench.call("get_workflow_history", { workflow_id, ...args }));
    const first = await page({ limit: 3 });
    expect(first).toMatchObject({ events: [{ position: 1 }, { position: 2 }, { position: 3 }], next: 3 });
    const second = await page({ limit: 10, after: 3 });
    expect((second["events"] as { position: number }[]).map(({ position }) => position)).toEqual([4, 5, 6, 7]);
    expect(second).not.toHaveProperty("next");
    expect((await page({ agent_id: "even" }))["events"]).toHaveLength(3);
    expect((await page({ type: "started" }))["events"]).toHaveLength(1);
    expect((await page({ type: "error_recorded" }))["events"]).toEqual([]);
  });

  it("refuses what makes no sense, and changes nothing", async () => {
    const workflow_id = await start();
    const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
      ["start_workflow", {}],
      ["start_workflow", { name: "" }],
      ["start_workflow", { name: "x", steps: [""] }],
      ["complete_step", { workflow_id }],
      ["complete_step", { workflow_id, step_id: "a", expected_position: -1 }],
      ["complete_step", { workflow_id, step_id: "a", idempotency_key: "" }],
      ["complete_step", { workflow_id, step_id: "a", agent_id: "x".repeat(129) }],
      ["advance_phase", { workflow_id, phase: 1 }],
      ["record_error", { workflow_id, message: "" }],
      ["record_error", { workflow_id, message: "x".repeat(300_000) }],
      ["get_workflow_state", { workflow_id, at_position: 0 }],
      ["get_workflow_state", { workflow_id, at_position: 2 }],
      ["get_workflow_state", { workflow_id, at_position: 1.5 }],
      ["get_workflow_history", { workflow_id, limit: 501 }],
      ["get_workflow_history", { workflow_id, type: "exploded" }],
      ["get_workflow_history", { workflow_id, after: 2 }],
    ];
    for (const [tool, args] of wrong) {
      expect(await faultOf(bench.call(tool, args)), `${tool} ${Object.keys(args).join()}`).toMatchObject({
        code: "invalid_argument",
        retryable: false,
      });
    }
    const beyond = await faultOf(bench.call("get_workflow_history", { workflow_id, after: 2 }));
    expect(beyond["message"]).toContain("from 0 to 1");
    for (const at_position of [0, 2]) {
      const outside = await faultOf(bench.call("get_workflow_state", { workflow_id, at_position }));
      expect(outside["message"]).toContain("from 1 to 1");
    }
    expect(await state(workflow_id)).toMatchObject({ position: 1 });
  });

  it("that is not there is not_found, with every tool and whatever is asked of it", async () => {
    const workflow_id = "wf_nothing";
    const given: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
      complete_step: { step_id: "a", expected_position: 1, idempotency_key: "k" },
      advance_phase: { phase: "a" },
      record_error: { message: "m" },
      resolve_error: {},
      get_workflow_state: { at_position: 0 },
      get_workflow_history: {},
    };
    for (const [tool, args] of Object.entries(given)) {
      expect(await faultOf(bench.call(tool, { workflow_id, ...args })), tool).toMatchObject({ code: "not_found" });
    }
    const fault = await faultOf(bench.call("start_workflow", { name: "x", session_id: "ses_nothing" }));
    expect(fault).toMatchObject({ code: "not_found" });
  });

  it("notes the session it was started from: the one named, or the connection's own", async () => {
    const session_id = await bench.newSession();
    const named = await start({ session_id });
    await using client = await connect(bench.server.url, "2025");
    const own = textOf(await valueOf(client.call("list_session_keys")), "session_id");
    const begun = textOf(await valueOf(client.call("start_workflow", { name: "x" })), "workflow_id");
    for (const [workflow_id, session] of [
      [named, session_id],
      [begun, own],
    ]) {
      const { events } = await valueOf(bench.call("get_workflow_history", { workflow_id }));
      expect(events).toMatchObject([{ payload: { session_id: session } }]);
    }
  });

  it("is a resource as well, and who subscribes to it hears of changes, in both eras", async () => {
    const workflow_id = await start();
    const uri = `workflow://${workflow_id}`;
    for (const era of ["2025", "2026"] as const) {
      await using reader = await connect(bench.server.url, era);
      const heard: string[] = [];
      reader.client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
        heard.push(params.uri);
      });
      if (era === "2026") await reader.client.listen({ resourceSubscriptions: [uri] });
      else await reader.client.subscribeResource({ uri });
      const { position } = await valueOf(bench.call("advance_phase", { workflow_id, phase: era }));
      await poll(() => (heard.includes(uri) ? true : undefined), "news of the workflow");
      const { contents } = await reader.client.readResource({ uri });
      const [content] = contents;
      expect(content).toMatchObject({ uri, mimeType: "application/json" });
      const told: unknown = JSON.parse(content !== undefined && "text" in content ? content.text : "");
      expect(told).toEqual(await state(workflow_id));
      expect(told).toMatchObject({ phase: era, position });
      const listed = await reader.client.listResources();
      expect(listed.resources).toContainEqual(expect.objectContaining({ uri }));
      await expect(reader.client.readResource({ uri: "workflow://wf_nothing" })).rejects.toThrow(/not found/i);
    }
  });
});
