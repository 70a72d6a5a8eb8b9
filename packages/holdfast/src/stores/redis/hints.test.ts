import { expect, it } from "vitest";

import { connectFor, eventually, openFor, storeForThisFile } from "./temporary.test-kit.ts";

const options = storeForThisFile();

it("tells other nodes over sharded channels, and wakes by polling while it cannot listen", async () => {
  const [one, other] = [await openFor({ ...options(), pollMs: 20 }), await openFor({ ...options(), pollMs: 60_000 })];
  const hears = async (): Promise<boolean> => (await one.health()).details["hearsHints"] === true;
  const heard: (string | undefined)[] = [];
  const end = one.subscribe("topic", (hint) => heard.push(hint));
  await eventually("it listens", hears);
  other.publish("topic", "7");
  await eventually("the hint came", () => heard.includes("7"));

  const line = await connectFor(options().url);
  heard.length = 0;
  await line.send(["CLIENT", "KILL", "TYPE", "pubsub"]);
  await eventually("it was woken", () => heard.includes(undefined));
  await eventually("it listens again", hears);
  other.publish("topic", "back");
  await eventually("the hint came", () => heard.includes("back"));
  end();
  expect((await one.health()).ok).toBe(true);
});
