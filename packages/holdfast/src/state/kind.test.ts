import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { nearestName } from "../record/option-names.ts";
import { durationInWords, durationMs } from "./duration.ts";
import { type AnyKind, kind, type State } from "./kind.ts";
import type { NamedRecords, RecordHandle, Records } from "./types.ts";

const schema = z.object({ items: z.array(z.string()).default([]) });
/** Options as a program without types would give them. */
const untyped = (options: unknown) => options as Parameters<typeof kind>[1];

describe("kind", () => {
  test("types the state by scope, with the schema's output and input", () => {
    const Basket = kind("basket", { schema });
    const Note = kind("note", { schema, scope: "named" });
    const Profile = kind("profile", { schema, scope: "principal" });
    type Kinds = readonly [typeof Basket, typeof Note, typeof Profile];
    type Value = { items: string[] };
    type Input = { items?: string[] | undefined };
    expectTypeOf<State<Kinds>["basket"]>().toEqualTypeOf<Records<Value, Input>>();
    expectTypeOf<State<Kinds>["note"]>().toEqualTypeOf<NamedRecords<Value, Input>>();
    expectTypeOf<State<Kinds>["profile"]>().toEqualTypeOf<RecordHandle<Value>>();
    expectTypeOf(Basket).toExtend<AnyKind>();
    expect([Basket.scope, Note.scope, Profile.scope]).toEqual(["many", "named", "principal"]);
  });

  test("its id composes into the input of a tool and tells a model what it is, whence and for how long", () => {
    const Basket = kind("shopping.basket", { schema, prefix: "bsk", idle: "24h", absolute: "30d" });
    const Input = z.object({ basket: Basket.id, sku: z.string() });
    expect(Input.parse({ basket: "anything at all", sku: "x" }).basket).toBe("anything at all");
    expect(Input.safeParse({ basket: 7, sku: "x" }).success).toBe(false);
    const { properties } = z.toJSONSchema(Input);
    const { description } = z.object({ description: z.string() }).parse(properties?.["basket"]);
    expect(description).toContain("shopping basket");
    expect(description).toContain("bsk_");
    expect(description).toContain("create one first");
    expect(description).toContain("24 hours after its last use");
    expect(description).toContain("30 days after it was created");
    const described = kind("basket", { schema, description: "The basket." });
    expect(described.id.description).toBe("The basket.");
  });

  test.each<[string, string, unknown, RegExp]>([
    ["a name with capitals", "Basket", { schema }, /lower-case/],
    ["no name", "", { schema }, /lower-case/],
    ["holdfast's own name", "session", { schema }, /holdfast's own/],
    ["holdfast's own prefix", "holdfast.x", { schema }, /holdfast's own/],
    ["no options", "basket", undefined, /needs options/],
    ["no schema", "basket", {}, /Standard Schema/],
    ["something else as a schema", "basket", { schema: { parse: () => 1 } }, /Standard Schema/],
    ["an unknown option", "basket", { schema, idel: "24h" }, /did you mean "idle"/],
    ["an unknown limit", "basket", { schema, limits: { maxRecord: 1 } }, /did you mean "maxRecords"/],
    ["an unknown scope", "basket", { schema, scope: "global" }, /many, named, principal/],
    ["a bad prefix", "basket", { schema, prefix: "a_b" }, /prefix "a_b"/],
    ["a bad duration", "basket", { schema, idle: "a day" }, /idle is "a day"/],
    ["an empty duration", "basket", { schema, absolute: 0 }, /absolute is 0/],
    ["a bad limit", "basket", { schema, limits: { maxRecords: -1 } }, /maxRecords is a whole number/],
    ["a missing upcaster", "basket", { schema, version: 3, upcast: { 1: () => ({}) } }, /function 2/],
    [
      "an upcaster too many",
      "basket",
      { schema, version: 2, upcast: { 1: () => ({}), 2: () => ({}) } },
      /raise "version" to 3/,
    ],
    ["an upcaster from nowhere", "basket", { schema, upcast: { x: () => ({}) } }, /upcast\[x\]/],
    ["version zero", "basket", { schema, version: 0 }, /version is a whole number/],
    ["an initial value that is no function", "basket", { schema, initial: {} }, /"initial" is a function/],
  ])("refuses %s at once", (_what, name, options, message) => {
    const define = () => kind(name, untyped(options));
    expect(define).toThrow(message);
    expect(define).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});

test("durations are milliseconds or numbers with a unit", () => {
  const given = [1, 250, "500ms", "30s", "15m", "1.5h", "24h", "30d"] as const;
  expect(given.map((duration) => durationMs(duration, "x"))).toEqual([
    1, 250, 500, 30_000, 900_000, 5_400_000, 86_400_000, 2_592_000_000,
  ]);
  for (const bad of [
    "",
    "h",
    "-1h",
    "1 h",
    "1e3s",
    "24H",
    -5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "9".repeat(16) + "d",
    "0s",
  ]) {
    expect(() => durationMs(bad as "1s", "x")).toThrow(/x is/);
  }
  expect([1, 90_000, 60_000, 86_400_000, 172_800_000, 3_600_000].map(durationInWords)).toEqual([
    "1 millisecond",
    "90 seconds",
    "1 minute",
    "24 hours",
    "2 days",
    "1 hour",
  ]);
});

test("the nearest name is offered only where there is something in common", () => {
  const known = ["idle", "absolute", "retain", "schema"];
  expect(nearestName("shcema", known)).toBe("schema");
  expect(nearestName("Absolut", known)).toBe("absolute");
  expect(nearestName("zzzzzzzzzz", known)).toBeUndefined();
});
