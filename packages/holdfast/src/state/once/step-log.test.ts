/** What a call that is run again reads of what its operations were answered: once, in pages, and not without bound. */
import { expect, it } from "vitest";
import { z } from "zod";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { localUser, ownerOfPrincipal } from "../../security/principal.ts";
import type { Store } from "../../store/contract.ts";
import { onceScope } from "../call-context.ts";
import { kind } from "../kind.ts";
import { servingHold } from "../open-hold.ts";
import { StepLog } from "./step-log.ts";

const Page = kind("page", { schema: z.object({ text: z.string().default("") }) });
const owner = ownerOfPrincipal(localUser);
const mebi = 1_048_576;
const textBytes = 60_000;
const updates = 100;

it.each(backings)(
  "is read once and in pages, up to 4 MiB, on %s",
  async (_name, makeBacking) => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds: [Page], reap: false });
    const { page } = hold.state(localUser);
    const { id } = await page.create();
    const { store } = servingHold(hold);
    const read = store.read.bind(store);
    let [bytes, most] = [0, 0];
    store.read = async (...given) => {
      const answer = await read(...given);
      const these = answer.tails.flat().reduce((sum, { data }) => sum + data.length, 0);
      bytes += these;
      most = Math.max(most, these);
      return answer;
    };
    const run = async (): Promise<readonly string[]> =>
      await servingHold(hold).withinCall({ once: onceScope("call", "") }, async () => {
        const seen: string[] = [];
        for (let n = 0; n < updates; n += 1) {
          const { value } = await page.update(id, (draft) => {
            draft.text = String(n).padEnd(textBytes, ".");
          });
          seen.push(value.text.slice(0, 4));
        }
        return seen;
      });
    const first = await run();
    const { version } = await page.get(id);
    expect([bytes, most]).toEqual([0, 0]);

    const again = await run();
    expect((await page.get(id)).version).toBe(version);
    // As many as there was room for are answered as the first time; the others show the record as it is.
    const remembered = again.findIndex((text) => text === first.at(-1));
    expect(remembered).toBe(Math.floor((4 * mebi) / (textBytes + 350)));
    expect(again.slice(0, remembered)).toEqual(first.slice(0, remembered));
    expect(bytes).toBeGreaterThan(3.9 * mebi);
    expect(bytes).toBeLessThanOrEqual(4 * mebi);
    expect(most).toBeLessThanOrEqual(mebi + textBytes + 1_024);
  },
  60_000,
);

it.each(backings)(
  "has room for what was said, however little is left for documents, on %s",
  async (_name, makeBacking) => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds: [Page], reap: false });
    const { page, channel } = hold.state(localUser);
    const [{ id }, { id: session }] = await Promise.all([page.create(), hold.sessions(localUser).create({})]);
    const run = async (): Promise<unknown> =>
      await servingHold(hold).withinCall({ once: onceScope("call", "") }, async () => {
        // Until nothing fits: large ones first, then smaller ones into what these have left.
        const sizes = [textBytes, 5_000, 500, 0].flatMap((size) =>
          Array.from({ length: size > 5_000 ? 71 : 20 }, () => size),
        );
        for (const size of sizes) {
          await page.update(id, (draft) => {
            draft.text = "".padEnd(size, ".");
          });
        }
        const said: unknown[] = [];
        for (let n = 0; n < 4; n += 1)
          said.push(await channel("ops").join(session), await channel("ops").leave(session));
        return said;
      });
    const first = await run();
    const pair = [
      { members: 1, changed: true },
      { members: 0, changed: true },
    ];
    expect(first).toEqual([pair, pair, pair, pair].flat());
    expect(await run()).toEqual(first);
  },
  60_000,
);

it.each(backings)(
  "keeps no document over 64 KiB: a repeat sees the record as it is, on %s",
  async (_name, makeBacking) => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds: [Page], reap: false });
    const { page } = hold.state(localUser);
    const { id } = await page.create();
    const write = async (length: number): Promise<number> =>
      await servingHold(hold).withinCall({ once: onceScope(`call${length}`, "") }, async () => {
        const { value } = await page.update(id, (draft) => {
          draft.text = "".padEnd(length, ".");
        });
        return value.text.length;
      });
    // With the document's own braces and names around it.
    const [small, large] = [65_536 - 20, 65_536];
    for (const length of [small, large]) expect(await write(length)).toBe(length);
    await page.update(id, (draft) => {
      draft.text = "now";
    });
    expect(await write(small)).toBe(small);
    expect(await write(large)).toBe("now".length);
  },
);

it("is read once by operations that ask at once", async () => {
  const events = ["a", "b", "c"].map((commitId, n) => ({ position: n + 1, at: 0, data: JSON.stringify({ commitId }) }));
  const asked: number[] = [];
  const store: Pick<Store, "read"> = {
    read: async (_owner, _key, { tails } = {}) => {
      const after = Number(tails?.[0]?.after);
      asked.push(after);
      return { at: 0, record: undefined, tails: [events.filter(({ position }) => position > after)] };
    },
  };
  const log = new StepLog("call");
  const find = async (commitId: string): Promise<string | undefined> =>
    await log.find(store, owner, commitId, undefined);
  expect(await Promise.all(["c", "a", "b"].map(find))).toEqual([2, 0, 1].map((n) => events[n]?.data));
  expect(asked).toEqual([0]);
  expect(await Promise.all([find("d"), find("a")])).toEqual([undefined, events[0]?.data]);
  expect(asked).toEqual([0, 3]);
});

it("counts a step once, however often its commit is tried, as large as it was the last time", () => {
  const log = new StepLog("call");
  for (let tries = 0; tries < 5; tries += 1) expect(log.hasRoomFor("a", 3 * mebi)).toBe(true);
  expect(log.hasRoomFor("b", 2 * mebi)).toBe(false);
  expect(log.hasRoomFor("a", 2 * mebi)).toBe(true);
  expect(log.hasRoomFor("b", 2 * mebi)).toBe(true);
  expect(log.hasRoomFor("c", 1)).toBe(false);
});
