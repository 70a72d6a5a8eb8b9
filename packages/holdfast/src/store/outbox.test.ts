import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { eventually } from "../../../../test/lib/eventually.ts";
import { Outbox } from "./outbox.ts";

it("goes on sending after a sending under way has taken along what waited for its own", async () => {
  const sent: string[] = [];
  let first: () => void = () => undefined;
  const outbox = new Outbox("node", (payloads) => {
    sent.push(...payloads);
    return sent.length === 1 ? new Promise<void>((resolve) => (first = resolve)) : Promise.resolve();
  });
  outbox.add("topic", "first");
  await eventually("the first is on its way", () => sent.length === 1);
  outbox.add("topic", "second");
  first();
  await eventually("the second is on its way", () => sent.length === 2);
  // Timers fire in the order they are due: by then that of the second has found nothing left to send.
  await delay(50);
  outbox.add("topic", "third");
  await eventually("the third is on its way", () => sent.length === 3);
  await outbox.close();
  expect(sent.map((payload) => JSON.parse(payload)[2])).toEqual(["first", "second", "third"]);
});
