import { once } from "node:events";
import { connect } from "node:net";
import { expect, inject, it, onTestFinished } from "vitest";

import { connectFor, eventually, openFor, owner, storeForThisFile } from "./temporary.test-kit.ts";

const options = storeForThisFile();
const count = { kind: "note", id: "1", expect: "any", counters: [{ name: "n", by: 1 }] } as const;

/** What clients ask that names one of this file's keys, from now until `stop`. */
async function overhear(): Promise<{ stop(): Promise<readonly string[]> }> {
  const { hostname, port } = new URL(inject("redisUrl"));
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let heard = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    heard += text;
  });
  await once(socket, "connect");
  socket.write("MONITOR\r\n");
  await eventually("it overhears", () => heard.startsWith("+OK"));
  const line = await connectFor(options().url);
  return {
    stop: async () => {
      await line.send(["ECHO", `${options().prefix}end`]);
      await eventually("it heard the end", () => heard.includes(`"${options().prefix}end"`));
      const named = heard.split("\r\n").filter((text) => text.includes(options().prefix ?? ""));
      return named.filter((text) => !text.includes(" lua] ") && !text.includes('"ECHO"'));
    },
  };
}

it("asks once for a commit, and once for a read", async () => {
  const store = await openFor(options());
  await store.commit(owner, [{ ...count, create: { text: "{}", lifetime: {} } }]);
  // From here on the server knows the script.
  await store.read(owner, { kind: "note", id: "1" });
  const listener = await overhear();
  for (let n = 0; n < 5; n += 1) await store.commit(owner, [count]);
  for (let n = 0; n < 5; n += 1) await store.read(owner, { kind: "note", id: "1" });
  const asked = await listener.stop();
  expect(asked.map((text) => /"([A-Z]+)"/.exec(text)?.[1])).toEqual(Array.from({ length: 10 }, () => "EVALSHA"));
});
