import { join } from "node:path";
import { expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import { openFor, owner, temporaryFolder } from "./temporary.test-kit.ts";

it("looks at a bounded number of records for a page, and goes on from there with the next", async () => {
  const store = await openFor({ path: join(await temporaryFolder(), "state.db") });
  const total = 4_800;
  const make = (n: number): Change => ({
    kind: "note",
    id: `n${n}`,
    expect: "absent",
    create: { text: "{}", lifetime: {}, fields: { rare: n === 10 || n === total - 1 } },
  });
  const commits = [];
  for (let n = 0; n < total; n += 16) {
    commits.push(
      store.commit(
        owner,
        Array.from({ length: 16 }, (_, index) => make(n + index)),
      ),
    );
  }
  await Promise.all(commits);

  for (const order of ["oldest", "newest"] as const) {
    const pages: (readonly string[])[] = [];
    let after: string | undefined;
    do {
      const page = await store.list(owner, "note", { order, limit: 10, where: { rare: true }, after });
      pages.push(page.records.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(pages).toEqual(order === "oldest" ? [["n10"], [], ["n4799"]] : [["n4799"], [], ["n10"]]);
  }
  const { records, next } = await store.list(owner, "note", { order: "oldest", limit: 1_000 });
  expect([records.length, next === undefined]).toEqual([1_000, false]);
});
