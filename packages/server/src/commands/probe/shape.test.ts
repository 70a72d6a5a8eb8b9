import { describe, expect, it } from "vitest";

import { expectSchema } from "./schema-check.ts";
import { expectGapless, expectSame, expectShape, type Shape } from "./shape.ts";

describe("a shape", () => {
  const shape: Shape = { id: "text", steps: ["list", "text"], at: ["optional", "time"], label: ["nullable", "text"] };

  it("is had by what has it, whatever else there is", () => {
    expectShape("answer", { id: "a", steps: ["b"], label: null, more: 1 }, shape);
    expectShape("answer", { id: "a", steps: [], label: "x", at: "2026-11-25T08:00:00.000Z" }, shape);
  });

  it.each<[unknown, string]>([
    [{ id: 1, steps: [], label: null }, "answer.id has to be a text, and is 1"],
    [{ id: "a", steps: {}, label: null }, "answer.steps has to be a list, and is {}"],
    [{ id: "a", steps: ["b", 2], label: null }, "answer.steps[1] has to be a text, and is 2"],
    [{ id: "a", steps: [] }, "answer.label has to be a text, and is missing"],
    [{ id: "a", steps: [], label: null, at: "yesterday" }, 'answer.at has to be an ISO time, and is "yesterday"'],
    [[], "answer has to be an object, and is []"],
  ])("%j has not: %s", (value, message) => {
    expect(() => expectShape("answer", value, shape)).toThrow(message);
  });
});

it("a gap in a log is found, and so is what is out of order", () => {
  expectGapless("log", [{ position: 7 }, { position: 8 }]);
  expect(() => expectGapless("log", [{ position: 1 }, { position: 3 }])).toThrow("position 3 comes after 1");
  expect(() => expectGapless("log", [{ position: 2 }, { position: 1 }])).toThrow("position 1 comes after 2");
});

it("[] and {} are not the same", () => {
  expectSame("value", { list: [] }, { list: [] });
  expect(() => expectSame("value", { list: {} }, { list: [] })).toThrow(
    'value has to be {"list":[]}, and is {"list":{}}',
  );
});

describe("a tool's schema", () => {
  const schema = {
    type: "object",
    required: ["id", "steps"],
    properties: {
      id: { type: "string" },
      steps: { type: "array", items: { enum: ["a", "b"] } },
      n: { type: ["integer", "null"] },
    },
  };

  it("allows what it allows", () => {
    expectSchema("tool", { id: "x", steps: ["a"], n: null, more: true }, schema);
    expectSchema("tool", { anything: 1 }, undefined);
  });

  it.each<[unknown, string]>([
    [{ id: "x" }, "tool.steps is missing"],
    [{ id: 1, steps: [] }, "tool.id has to be string, as the tool's schema says, and is number"],
    [{ id: "x", steps: {} }, "tool.steps has to be array, as the tool's schema says, and is object"],
    [{ id: "x", steps: ["c"] }, 'tool.steps[0] is none of ["a","b"]'],
    [{ id: "x", steps: [], n: 0.5 }, "tool.n has to be integer or null"],
  ])("%j breaks it: %s", (value, message) => {
    expect(() => expectSchema("tool", value, schema)).toThrow(message);
  });
});
