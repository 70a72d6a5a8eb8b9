import { describe, expect, it } from "vitest";

import { readWorkflow, type Step, startWorkflow } from "./steps.ts";
import type { Json, Peer } from "./wire.ts";

const step: Step = (_name, work) => work();

const state = { workflow_id: "w", name: "n", phase: "init", completed_steps: [], has_error: false, position: 1 };
const events = [
  { position: 1, type: "started", at: "2026-11-25T08:00:00.000Z" },
  { position: 2, type: "step_completed", at: "2026-11-25T08:00:01.000Z" },
];
const sound: Readonly<Record<string, Json>> = {
  start_workflow: state,
  complete_step: { ...state, completed_steps: ["first"], position: 2 },
  get_workflow_state: { ...state, completed_steps: ["first"], position: 2 },
  get_workflow_history: { events },
};

function answering(answers: Readonly<Record<string, Json>>): Peer {
  return {
    era: "2026",
    server: "",
    tools: async () => [],
    call: async (tool) => answers[tool] ?? {},
    close: async () => undefined,
  };
}

async function probe(answers: Readonly<Record<string, Json>>): Promise<void> {
  const peer = answering({ ...sound, ...answers });
  await readWorkflow(peer, step, await startWorkflow(peer, step));
}

describe("a workflow", () => {
  it("whose state and log tell the same story is sound", async () => {
    await expect(probe({})).resolves.toBeUndefined();
  });

  it.each<[string, Readonly<Record<string, Json>>, string]>([
    [
      "a list that became an object",
      { get_workflow_state: { ...state, completed_steps: {}, position: 2 } },
      "get_workflow_state.completed_steps has to be a list, and is {}",
    ],
    [
      "a step that was acknowledged and is gone",
      { get_workflow_state: { ...state, position: 2 } },
      "get_workflow_state has 0 completed steps, and its history 1",
    ],
    [
      "a state behind its log",
      { get_workflow_state: { ...state, completed_steps: ["first"], position: 1 } },
      "the end of get_workflow_history has to be 1, and is 2",
    ],
    [
      "a hole in the log",
      { get_workflow_history: { events: [events[0], { ...events[1], position: 3 }] } },
      "position 3 comes after 1",
    ],
  ])("is torn: %s", async (_what, answers, message) => {
    await expect(probe(answers)).rejects.toThrow(message);
  });
});
