/** Whoever has the store alone opens no state, and whoever changes keys at rest loses at most those that are out. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { holdfast } from "../../hold.ts";
import { ownerOf } from "../../record/ids.ts";
import { engineIssuer } from "../../security/principal.ts";
import { openState, sealState } from "../../security/request-state.ts";
import { noSealingKeys, type SealingKeys, sealingKeys } from "../../security/sealing/keys.ts";
import type { SealingOptions } from "../../state/hold.ts";
import { servingHold } from "../../state/open-hold.ts";
import type { Store } from "../../store/contract.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import { StoredKeys } from "./stored-keys.ts";

const secret = (n: number): string => Buffer.alloc(32, n).toString("base64");
const ring = (current: string, ...names: readonly string[]): SealingKeys =>
  sealingKeys({ current, keys: Object.fromEntries([current, ...names].map((id) => [id, secret(Number(id))])) });
const binding = { principal: { issuer: "i", subject: "alice" }, method: "tools/call", params: {} };

let store: Store;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  store = await memoryStore();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await store.close();
});

type Node = { readonly seal: () => Promise<string>; readonly opens: (state: string) => Promise<boolean> };

/** A node of its own: it remembers nothing that another one has read. */
async function node(sealing?: SealingOptions): Promise<Node> {
  const hold = await holdfast({ store, reap: false, ...(sealing !== undefined && { sealing }) });
  closing.push(() => hold.close());
  const serving = servingHold(hold);
  const keys = new StoredKeys(serving.store, serving.secrets);
  return {
    seal: async () => sealState(await keys.newest(), "value", binding, { ttlMs: 60_000, singleUse: false }),
    opens: async (state) => {
      const key = await keys.find(state.split(".")[1] ?? "");
      return key !== undefined && openState(() => key, state).value === "value";
    },
  };
}

const owner = ownerOf({ issuer: engineIssuer, subject: "keys" });
const key = { kind: "holdfast.keys", id: "request-state" };

async function stored(): Promise<{ readonly text: string; readonly keys: readonly object[] }> {
  const { record } = await store.read(owner, key);
  const text = record?.document ?? "";
  const { keys = [] } = JSON.parse(text) as { readonly keys?: readonly object[] };
  return { text, keys };
}

describe("keys of states", () => {
  it.each<[string, SealingOptions, SealingOptions?]>([
    ["some kinds are sealed", { keys: ring("1") }],
    ["everything is sealed", { keys: ring("1"), everything: true }, { keys: ring("2"), everything: true }],
  ])("cannot be had from the store alone where %s, and are the same on every node", async (_, sealing, thief) => {
    const state = await (await node(sealing)).seal();
    expect(await (await node(sealing)).opens(state)).toBe(true);
    const { text } = await stored();
    expect(text).toContain("hs1.1.");
    expect(text).not.toContain("secret");
    const opened = (await node(thief)).opens(state);
    // A whole store that does not open is an alarm; keys within a readable one are just not there.
    if (thief === undefined) expect(await opened).toBe(false);
    else await expect(opened).rejects.toMatchObject({ code: "SEAL_KEY_MISSING" });
  });

  it("lie there as they are where nothing is sealed", async () => {
    const state = await (await node({ keys: noSealingKeys })).seal();
    expect(await (await node()).opens(state)).toBe(true);
    expect((await stored()).keys).toEqual([{ secret: expect.any(String), madeAt: expect.any(Number) }]);
  });

  it("that lay there as they were open only where that is said, and seal nothing more", async () => {
    const before = await (await node()).seal();
    expect(await (await node({ keys: ring("1") })).opens(before)).toBe(false);
    const lenient = await node({ keys: ring("1"), acceptUnsealed: true });
    expect(await lenient.opens(before)).toBe(true);
    const after = await lenient.seal();
    expect(await (await node({ keys: ring("1") })).opens(after)).toBe(true);
    expect(await (await node()).opens(after)).toBe(false);
  });

  it("are made anew when the key at rest changes; those before open as long as it is kept", async () => {
    const first = await (await node({ keys: ring("1") })).seal();
    const rotated = await node({ keys: ring("2", "1") });
    const second = await rotated.seal();
    expect([await rotated.opens(first), await rotated.opens(second)]).toEqual([true, true]);
    // While it is rolled out, nodes of before go on with theirs, and nobody makes a key each time.
    expect(await (await node({ keys: ring("1", "2") })).opens(second)).toBe(true);
    expect((await stored()).keys).toHaveLength(2);
    // Gone: what was under it is refused, and nothing else.
    const without = await node({ keys: ring("2") });
    expect([await without.opens(first), await without.opens(second)]).toEqual([false, true]);
    const lost = await node({ keys: ring("3") });
    expect(await lost.opens(await lost.seal())).toBe(true);
  });

  it("that were altered or moved open nothing, and others are made", async () => {
    const sealing = { keys: ring("1") };
    const state = await (await node(sealing)).seal();
    const keys = (await stored()).keys.map((one) => ({ ...one, madeAt: 1 }));
    const change = { ...key, expect: "any", document: { text: JSON.stringify({ keys }) } } as const;
    expect((await store.commit(owner, [change])).ok).toBe(true);
    const other = await node(sealing);
    expect([await other.opens(state), await other.opens(await other.seal())]).toEqual([false, true]);
  });

  it("are unavailable, not invalid, while nobody can be asked for the key at rest", async () => {
    const down = (): never => {
      throw new Error("the service is down");
    };
    const without = await node({ keys: { current: down, find: down } });
    await expect(without.seal()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(
      (await node({ keys: { current: ring("1").current, find: () => undefined } })).seal(),
    ).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });
});
