import { describe, expect, it } from "vitest";
import { reply } from "./reply.ts";

const view = {
  kind: "basket",
  id: "basket_1",
  version: 3,
  value: { items: ["tea"] },
  counters: new Map(),
  heads: new Map(),
  createdAt: new Date(0),
  updatedAt: new Date(0),
  touchedAt: new Date(0),
};

describe("reply", () => {
  it("names a record's handle after its kind", async () => {
    const result = await reply(Promise.resolve({ ...view, expiresAt: new Date(Date.UTC(2030, 0, 1)) }));
    const expected = {
      basket: "basket_1",
      version: 3,
      value: { items: ["tea"] },
      expires_at: "2030-01-01T00:00:00.000Z",
    };
    expect(result.structuredContent).toEqual(expected);
    expect(JSON.parse((result.content[0] as { text: string }).text)).toEqual(expected);
    expect((await reply(view)).structuredContent).not.toHaveProperty("expires_at");
  });

  it("gives other objects as they are", async () => {
    const result = await reply({ a: 1, __proto__x: null });
    expect(result).toEqual({
      content: [{ type: "text", text: '{"a":1,"__proto__x":null}' }],
      structuredContent: { a: 1, __proto__x: null },
    });
  });

  it.each([
    ["text", '"text"'],
    [7, "7"],
    [null, "null"],
    [[1, 2], "[1,2]"],
  ])("gives %j as text alone", async (value, text) => {
    expect(await reply(value)).toEqual({ content: [{ type: "text", text }] });
  });

  it("is empty for nothing, and fails with what it waits for", async () => {
    expect(await reply(undefined)).toEqual({ content: [] });
    await expect(reply(Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});
