/** Erasing a principal in parts, as what has very many records has to be. */
import { isDeepStrictEqual } from "node:util";

import type { RecordDump } from "../../../store/contract.ts";
import { CheckFailed, holds, present, rejects, same } from "../check.ts";
import { accepted, appending, apply, everythingOf, fresh, make, span } from "../kit.ts";
import type { Requirement } from "../requirement.ts";

export const erasing: readonly Requirement[] = [
  {
    id: "M12",
    group: "admin",
    text: "erasing in parts ends with everything gone, as erasing at once does, and a part leaves the rest whole",
    rule: "admin",
    test: async (context) => {
      const { store } = context;
      const [gone, kept] = [context.owner(), context.owner()];
      const keys = span(1, 5).map(() => fresh(context));
      for (const owner of [gone, kept]) {
        for (const key of keys) {
          await make(store, owner, key);
          await apply(store, owner, { ...appending(key, "log", key.id), document: { text: '"2"' } });
        }
      }
      await accepted(store, gone, [appending(present("a key", keys[0]), "log", "b")], {
        commitId: { id: "remembered", digest: "digest", origin: "caller" },
      });
      const everything = (): Promise<readonly unknown[]> =>
        Promise.all(keys.map((key) => store.admin.export(gone, key)));
      const dumps = await everything();
      const others = await everythingOf(store, kept, present("a key", keys[1]));
      // Stopped between two parts, who was erased may be restored: nothing of what went was reaped.
      const went = await store.admin.erase(gone, { limit: 2 });
      const left = await everything();
      for (const dump of dumps.filter((each) => !isIn(left, each))) await store.admin.import(gone, dump as RecordDump);
      same("restored between two parts", await everything(), dumps);
      const erased: number[] = [];
      for (let left = keys.length; erased.at(-1) !== 0; left -= erased.at(-1) ?? 0) {
        same("records left", (await store.usage(gone)).records, left);
        const standing = (await everything()).filter((dump) => dump !== undefined);
        same("dumps left", standing.length, left);
        holds(
          "what is left",
          standing.every((dump) => isIn(dumps, dump)),
          standing,
          "as it was before",
        );
        erased.push(await store.admin.erase(gone, { limit: 2 }));
        if (erased.length > 9) throw new CheckFailed("erasing in parts does not end");
      }
      same(
        "how many went",
        erased.reduce((sum, count) => sum + count, 0),
        keys.length,
      );
      holds("how many went at first", went >= 1 && went <= keys.length, went, `1 to ${keys.length}`);
      same("usage", [(await store.usage(gone)).records, (await store.usage(gone)).bytes], [0, 0]);
      same("ids remembered", (await store.admin.exportAccount(gone, { limit: 9 }))?.commits ?? [], []);
      same("the other owner's", await everythingOf(store, kept, present("a key", keys[1])), others);
      for (const dump of await exportedAgain()) same("restored", isIn(dumps, dump), true);
      const { version } = await make(store, gone, fresh(context));
      holds("a version made since", version > 2, version, "above 2");
      for (const limit of [0, -1, 1.5, Number.NaN]) {
        await rejects(`a limit of ${limit}`, "INVALID_ARGUMENT", () => store.admin.erase(gone, { limit }));
      }

      async function exportedAgain(): Promise<readonly unknown[]> {
        for (const dump of dumps) await store.admin.import(gone, dump as RecordDump);
        return await everything();
      }
    },
  },
];

function isIn(dumps: readonly unknown[], dump: unknown): boolean {
  return dumps.some((other) => isDeepStrictEqual(other, dump));
}
