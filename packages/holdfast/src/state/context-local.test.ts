import { expect, it } from "vitest";

import { ContextLocal } from "./context-local.ts";

it("follows the work it was set for, and is unknown outside", async () => {
  const local = new ContextLocal<string>();
  const seen = await Promise.all(
    ["a", "b"].map((value) =>
      local.run(value, async () => {
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
        return local.get();
      }),
    ),
  );
  expect(seen).toEqual(["a", "b"]);
  expect(local.get()).toBeUndefined();
});

it("is one object's own, whatever else is set inside and around", () => {
  const [first, second] = [new ContextLocal<number>(), new ContextLocal<number>()];
  first.run(1, () => {
    expect(second.get()).toBeUndefined();
    second.run(2, () => {
      expect([first.get(), second.get()]).toEqual([1, 2]);
      first.run(3, () => expect([first.get(), second.get()]).toEqual([3, 2]));
      expect([first.get(), second.get()]).toEqual([1, 2]);
    });
    expect([first.get(), second.get()]).toEqual([1, undefined]);
  });
});

it("tells a value that is undefined from one set further out", () => {
  const local = new ContextLocal<number | undefined>();
  local.run(1, () => local.run(undefined, () => expect(local.get()).toBeUndefined()));
});
