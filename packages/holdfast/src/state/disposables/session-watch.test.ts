import { expect, test } from "vitest";

import { localUser, ownerOfPrincipal } from "../../security/principal.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import { connectionEnd, mintSessionId, sessionCreation } from "../sessions/connection.ts";
import { sessionKind } from "../sessions/definition.ts";
import { SessionWatch } from "./session-watch.ts";

const owner = ownerOfPrincipal(localUser);
const creation = { connection: false, maxBytes: 1_000 };

test("an end that is heard of while a look is under way, which has missed it, is seen by another", async () => {
  await using store = await memoryStore();
  const id = mintSessionId();
  const [end] = connectionEnd(id);
  await store.commit(owner, [sessionCreation(id, {}, { idleMs: 60_000 }, creation)]);
  const heard: string[] = [];
  let reads = 0;
  const watch: SessionWatch = new SessionWatch({
    engine: {
      read: async (...given) => {
        const answer = await store.read(...given);
        reads += 1;
        if (reads === 1) {
          await store.commit(owner, [end]);
          void watch.wake();
        }
        return answer;
      },
    },
    owner,
    key: { kind: sessionKind, id },
    onOver: (cause) => heard.push(cause),
  });
  expect(await watch.look()).toBe(false);
  expect([reads, heard]).toEqual([2, ["ended"]]);
  expect(await watch.look()).toBe(false);
  expect(reads).toBe(2);
});

test("a store that cannot say is asked again, and nothing is concluded from it", async () => {
  await using store = await memoryStore();
  const id = mintSessionId();
  await store.commit(owner, [sessionCreation(id, {}, { idleMs: 200 }, creation)]);
  let reads = 0;
  const over = new Promise<string>((resolve) => {
    const watch = new SessionWatch({
      engine: {
        read: async (...given) => {
          reads += 1;
          if (reads <= 2) throw new Error("out of reach");
          return await store.read(...given);
        },
      },
      owner,
      key: { kind: sessionKind, id },
      onOver: resolve,
    });
    void watch.wake();
  });
  expect(await over).toBe("ended");
  expect(reads).toBe(3);
});
