/** What a call that is run again reads of what its operations were answered: once, in pages, and not without bound. */
import { expect, it } from "vitest";
import { z } from "zod";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { localUser } from "../../security/principal.ts";
import { onceScope } from "../call-context.ts";
import { kind } from "../kind.ts";
import { servingHold } from "../open-hold.ts";

const Page = kind("page", { schema: z.object({ text: z.string().default("") }) });
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
