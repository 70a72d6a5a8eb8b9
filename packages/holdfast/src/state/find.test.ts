import { describe, expect, test } from "vitest";
import { z } from "zod";

import { backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import { localUser } from "../security/principal.ts";
import { kind } from "./kind.ts";

const Order = kind("order", {
  schema: z.object({ status: z.enum(["open", "sent"]).default("open"), lines: z.array(z.string()).default([]) }),
  index: ({ status, lines }) => ({ status, lines: lines.length, first: lines[0] ?? null }),
});
const Shelf = kind("shelf", {
  schema: z.object({ colour: z.string().default("red") }),
  scope: "named",
  index: ({ colour }) => ({ colour }),
});
const Plain = kind("plain", { schema: z.object({}) });
const kinds = [Order, Shelf, Plain] as const;
const other = { ...localUser, subject: "other" };

describe.each(backings)("finding on %s", (_name, makeBacking) => {
  test("records are found by what their kind indexes, as they are now, and only by their owner", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds, reap: false });
    const state = hold.state(localUser);
    const first = await state.order.create({ lines: ["a", "b"] });
    const second = await state.order.create();
    await hold.state(other).order.create();

    const ids = async (where: Parameters<typeof state.order.find>[0]): Promise<readonly string[]> =>
      (await state.order.find(where)).records.map(({ id }) => id);
    expect(await ids({ status: "open" })).toEqual([second.id, first.id]);
    expect(await ids({ status: "open", lines: 2 })).toEqual([first.id]);
    expect(await ids({ first: null })).toEqual([second.id]);
    await state.order.patch(first.id, { status: "sent" });
    expect(await ids({ status: "open" })).toEqual([second.id]);
    expect(await ids({ status: "sent" })).toEqual([first.id]);
    await state.order.destroy(first.id);
    expect(await ids({ status: "sent" })).toEqual([]);
  });

  test("pages of what is found go on from each other", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds, reap: false });
    const state = hold.state(localUser);
    for (let n = 0; n < 12; n++) await state.order.create({ status: n % 3 === 0 ? "sent" : "open" });
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await state.order.find({ status: "sent" }, { limit: 2, ...(after !== undefined && { after }) });
      expect(page.records.length).toBeLessThanOrEqual(2);
      found.push(...page.records.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(found.length).toBe(4);
    expect(new Set(found).size).toBe(4);
  });

  test("named records are found too, with their names; sessions by their label", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds, reap: false });
    const state = hold.state(localUser);
    await state.shelf.open("top").update((draft) => {
      draft.colour = "blue";
    });
    await state.shelf.open("bottom").get();
    expect((await state.shelf.find({ colour: "blue" })).records.map(({ name }) => name)).toEqual(["top"]);

    const sessions = hold.sessions(localUser);
    const shopping = await sessions.create({ label: "shopping" });
    await sessions.create({ label: "other" });
    await sessions.create();
    const { records } = await sessions.find({ label: "shopping" });
    expect(records).toMatchObject([{ id: shopping.id, label: "shopping", totalEvents: 0 }]);
  });

  test("what cannot be looked for is refused, by the types and at run time", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds, reap: false });
    const state = hold.state(localUser);
    const refused = { code: "INVALID_ARGUMENT" };
    // @ts-expect-error -- a kind without an index
    await expect(state.plain.find({ status: "open" })).rejects.toMatchObject(refused);
    // @ts-expect-error -- the engine's own field
    await expect(state.shelf.find({ $name: "top" })).rejects.toMatchObject(refused);
    // @ts-expect-error -- no value of that field, though harmless
    expect((await state.order.find({ lines: "2" })).records).toEqual([]);
    // @ts-expect-error -- not a field
    expect((await state.order.find({ colour: "red" })).records).toEqual([]);
    // @ts-expect-error -- left out by accident: that must not find everything
    await expect(state.order.find({ status: undefined })).rejects.toMatchObject(refused);
    await expect(state.order.find({ status: "open" }, { limit: 0 })).rejects.toMatchObject(refused);
    await expect(state.order.find({ status: "open" }, { after: "none" })).rejects.toMatchObject(refused);
  });
});
