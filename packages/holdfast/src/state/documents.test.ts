import { describe, expect, test } from "vitest";
import { z } from "zod";

import { backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import { localUser, ownerOfPrincipal } from "../security/principal.ts";
import { kind } from "./kind.ts";
import { servingHold } from "./open-hold.ts";

const One = kind("cart", { schema: z.object({ items: z.string() }), prefix: "cart" });
const Three = kind("cart", {
  schema: z.object({ lines: z.array(z.object({ sku: z.string(), count: z.number() })) }),
  version: 3,
  upcast: {
    1: (older) => ({ items: (older as { items: string }).items.split(",") }),
    2: (older) => ({ lines: (older as { items: string[] }).items.map((sku) => ({ sku, count: 1 })) }),
  },
  index: ({ lines }) => ({ lines: lines.length }),
});

describe.each(backings)("documents on %s", (_name, makeBacking) => {
  test("older documents are upcast on reading, rewritten by the next write, and refused to older programs", async () => {
    await using backing = await makeBacking();
    await using old = await holdfast({ store: await backing.open(), kinds: [One], reap: false });
    await using now = await holdfast({ store: await backing.open(), kinds: [Three], reap: false });
    const owner = ownerOfPrincipal(localUser);
    const { id } = await old.state(localUser).cart.create({ items: "a,b" });
    const stored = await servingHold(now).store.read(owner, { kind: "cart", id });
    expect(stored.record).toMatchObject({ document: '{"items":"a,b"}', fields: {} });

    const upcast = await now.state(localUser).cart.get(id);
    expect(upcast).toMatchObject({
      version: 1,
      value: {
        lines: [
          { sku: "a", count: 1 },
          { sku: "b", count: 1 },
        ],
      },
    });
    expect((await servingHold(now).store.read(owner, { kind: "cart", id })).record?.document).toBe('{"items":"a,b"}');
    expect((await old.state(localUser).cart.get(id)).value).toEqual({ items: "a,b" });

    const written = await now.state(localUser).cart.update(id, (draft) => {
      draft.lines.pop();
    });
    expect(written.version).toBe(2);
    const rewritten = await servingHold(now).store.read(owner, { kind: "cart", id });
    expect(rewritten.record).toMatchObject({
      document: '{"lines":[{"sku":"a","count":1}]}',
      fields: { $schema: 3, lines: 1 },
    });
    expect((await now.state(localUser).cart.list()).records[0]?.fields).toEqual({ lines: 1 });

    const tooNew = old.state(localUser).cart.get(id);
    await expect(tooNew).rejects.toMatchObject({
      code: "SCHEMA_MISMATCH",
      details: { kind: "cart", version: 2, writtenBySchema: 3, schema: 1 },
    });
    await expect(old.state(localUser).cart.update(id, () => ({ items: "z" }))).rejects.toMatchObject({
      code: "SCHEMA_MISMATCH",
    });
    expect((await now.state(localUser).cart.get(id)).version).toBe(2);
  });

  test("an older program refuses a newer document even where its schema would take it, and drop what it does not know", async () => {
    await using backing = await makeBacking();
    const Lax = kind("cart", { schema: z.object({ items: z.string() }) });
    const More = kind("cart", {
      schema: z.object({ items: z.string(), coupon: z.string().default("10%") }),
      version: 2,
      upcast: { 1: (older) => older },
    });
    await using now = await holdfast({ store: await backing.open(), kinds: [More], reap: false });
    await using old = await holdfast({ store: await backing.open(), kinds: [Lax], reap: false });
    const { id } = await now.state(localUser).cart.create({ items: "a" });
    const stale = old.state(localUser).cart.patch(id, { items: "b" });
    await expect(stale).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
    expect((await now.state(localUser).cart.get(id)).value).toEqual({ items: "a", coupon: "10%" });
  });

  test("what a schema no longer accepts is named by kind, hashed id and version, and by nothing of its content", async () => {
    await using backing = await makeBacking();
    const Secretive = kind("cart", {
      schema: z.object({ items: z.literal("never") }),
      version: 2,
      upcast: {
        1: (older) => {
          if ((older as { items: string }).items === "explode") throw new Error(`cannot read ${JSON.stringify(older)}`);
          return older;
        },
      },
    });
    await using old = await holdfast({ store: await backing.open(), kinds: [One], reap: false });
    await using now = await holdfast({ store: await backing.open(), kinds: [Secretive], reap: false });
    for (const items of ["confidential", "explode"]) {
      const { id } = await old.state(localUser).cart.create({ items });
      const error: unknown = await now
        .state(localUser)
        .cart.get(id)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SCHEMA_MISMATCH", details: { kind: "cart", version: 1 } });
      const { message, details, cause } = error as Error & { details: unknown };
      expect(cause).toBeUndefined();
      expect(message + JSON.stringify(details)).not.toContain(items);
      expect(message + JSON.stringify(details)).not.toContain(id);
      expect(await now.state(localUser).cart.destroy(id)).toBe(true);
    }
  });

  test("defaults, dates that coerce, asynchronous schemas and initial values work in both directions", async () => {
    await using backing = await makeBacking();
    const Dated = kind("dated", {
      schema: z.object({ at: z.coerce.date(), tags: z.array(z.string()).default(["new"]) }).refine(async () => true),
      initial: () => ({ at: new Date(0) }),
    });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Dated], reap: false });
    const { dated } = hold.state(localUser);
    const made = await dated.create();
    expect(made.value).toEqual({ at: new Date(0), tags: ["new"] });
    const moved = await dated.update(made.id, async (draft) => {
      draft.at = new Date(5);
    });
    expect(moved.value.at).toEqual(new Date(5));
    expect((await dated.patch(made.id, { tags: [] })).value).toEqual({ at: new Date(5), tags: [] });
    expect((await dated.get(made.id)).value).toEqual({ at: new Date(5), tags: [] });
    expect(await dated.update(made.id, (draft) => ({ ...draft }))).toMatchObject({ version: 3 });
  });

  test("a kind that needs a value says so when none is given", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds: [One], reap: false });
    await expect(hold.state(localUser).cart.create()).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { path: ["items"] },
    });
    expect(await hold.usage(localUser)).toMatchObject({ records: 0 });
  });

  test("drafts are the caller's own: nothing an initial value shares is changed by them", async () => {
    await using backing = await makeBacking();
    const shared = { list: ["a"] };
    const Shared = kind("shared", { schema: z.any(), scope: "named", initial: () => shared });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Shared], reap: false });
    for (const name of ["x", "y"]) {
      const view = await hold
        .state(localUser)
        .shared.open(name)
        .update((draft: { list: string[] }) => {
          draft.list.push("b");
        });
      expect(view.value).toEqual({ list: ["a", "b"] });
    }
    expect(shared).toEqual({ list: ["a"] });
  });

  test("20 callers who make one record at once are all given the value that was kept", async () => {
    await using backing = await makeBacking();
    let made = 0;
    const Stamped = kind("stamped", { schema: z.any(), scope: "named", initial: () => ({ made: ++made }) });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Stamped], reap: false });
    const views = await Promise.all(Array.from({ length: 20 }, () => hold.state(localUser).stamped.open("x").get()));
    const kept = await hold.state(localUser).stamped.open("x").get();
    expect(made).toBeGreaterThan(1);
    for (const view of views) expect(view.value).toEqual(kept.value);
  });

  test.each<[string, unknown]>([
    ["too many fields", Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`f${n}`, n]))],
    ["a field of an object", { a: {} }],
    ["a reserved field", { $schema: 9 }],
    ["an endless field", { a: "x".repeat(3_000) }],
    ["a number that is none", { a: Number.NaN }],
  ])("an index with %s is refused", async (_what, fields) => {
    await using backing = await makeBacking();
    const Odd = kind("odd", { schema: z.any(), index: () => fields as Record<string, string> });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Odd], reap: false });
    await expect(hold.state(localUser).odd.create({})).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});
