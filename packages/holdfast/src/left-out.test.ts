/** What JavaScript lets one leave out is refused in words, and not by what it runs into. */
import { expect, it } from "vitest";

import { holdfast, localUser, serve } from "./index.ts";

const info = { name: "shop", version: "1.0.0" };
/** The same functions, without the types that would have said so. */
const untyped = { holdfast, serve } as unknown as Readonly<Record<string, (...given: unknown[]) => unknown>>;

it("holdfast() without a store, such as from a variable that is not set, says what a store is", async () => {
  for (const given of [[], [undefined], [{}], [{ store: undefined }], [{ store: null }]]) {
    await expect(untyped["holdfast"]?.(...given)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('a URL such as "sqlite:./state.db"'),
    });
  }
});

it("serve() without what it serves says what it takes", async () => {
  const hold = await holdfast({ store: "memory:" });
  try {
    for (const given of [
      [hold],
      [hold, info],
      [hold, {}, () => {}],
      [undefined, info, () => {}],
      ["hold", info, () => {}],
    ]) {
      expect(() => untyped["serve"]?.(...given)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  } finally {
    await hold.close();
  }
});

it("state without a principal is nobody's, and a lock without work is not taken", async () => {
  const hold = await holdfast({ store: "memory:" });
  const stateOf = hold.state.bind(hold) as (principal?: unknown) => unknown;
  const state = hold.state(localUser);
  const withLock = state.withLock as unknown as (name: string, fn: () => void) => Promise<unknown>;
  try {
    expect(() => stateOf()).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    await expect(withLock("build", () => undefined)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(state.lock("build").then((lock) => lock.release())).resolves.toBe(true);
  } finally {
    await hold.close();
  }
});
