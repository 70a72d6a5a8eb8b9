import { describe, expect, it } from "vitest";

import { requirements } from "./requirements.ts";
import { rules } from "./rules.ts";

describe("the requirements", () => {
  it("have ids of one capital letter and a number, each given once", () => {
    for (const { id } of requirements) expect(id).toMatch(/^[A-Z][1-9]\d*$/);
    const ids = requirements.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it("have one letter per group and count without gaps", () => {
    const numbers = new Map<string, number[]>();
    const groupOf = new Map<string, string>();
    for (const { id, group } of requirements) {
      const letter = id.charAt(0);
      expect(groupOf.get(letter) ?? group).toBe(group);
      groupOf.set(letter, group);
      numbers.set(letter, [...(numbers.get(letter) ?? []), Number(id.slice(1))]);
    }
    expect(new Set(groupOf.values()).size).toBe(groupOf.size);
    for (const [letter, found] of numbers)
      expect([letter, found]).toEqual([letter, found.map((_, index) => index + 1)]);
  });

  it("say what they want in words of their own", () => {
    const texts = requirements.map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    for (const text of texts) expect(text.length).toBeGreaterThan(20);
  });

  it("each cite a rule and have a test", () => {
    for (const { id, rule, test } of requirements) {
      expect([id, Object.hasOwn(rules, rule), typeof test]).toEqual([id, true, "function"]);
    }
  });

  it("leave no rule of the contract uncited, but for what a store refuses before it opens", () => {
    const cited = new Set<string>(requirements.map(({ rule }) => rule));
    expect(Object.keys(rules).filter((rule) => !cited.has(rule))).toEqual(["9"]);
  });
});
