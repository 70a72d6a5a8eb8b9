import { expect, it } from "vitest";

import type { Committed, Store } from "../../store/contract.ts";
import { Outbox, silenceMs } from "./outbox.ts";

it("asks again for what comes when the answer that nobody listens is as old as that may be believed", async () => {
  let commits = 0;
  const store: Pick<Store, "commit"> = {
    commit: async (): Promise<Committed> => {
      commits += 1;
      await new Promise((resolve) => setTimeout(resolve, silenceMs + 20));
      return { ok: false, at: 0, refusal: { index: 0, reason: "version", expected: "present", actual: undefined } };
    },
  };
  const outbox = new Outbox({
    store,
    node: "a",
    addressee: undefined,
    onWritten: () => undefined,
    onError: (error) => {
      throw error;
    },
  });
  for (const expected of [1, 2]) {
    outbox.add({ kind: "tools_list_changed" });
    await outbox.flush();
    expect(commits).toBe(expected);
  }
});
