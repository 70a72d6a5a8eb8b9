import { expect, it } from "vitest";

import { eventually } from "../../../../../test/lib/eventually.ts";

import { connectFor, databaseForThisFile, openFor } from "./temporary.test-kit.ts";

const database = databaseForThisFile();

it("tells other nodes, even of a topic too long for NOTIFY to carry", async () => {
  const [one, other] = [await openFor({ url: database(), pollMs: 60_000 }), await openFor({ url: database() })];
  const long = "t".repeat(9_000);
  const heard: (string | undefined)[] = [];
  one.subscribe("short", (hint) => heard.push(hint));
  await eventually("it listens", async () => (await one.health()).details["hearsHints"] === true);
  other.publish("short", "7");
  await eventually("the hint came", () => heard.includes("7"));
  heard.length = 0;
  one.subscribe(long, (hint) => heard.push(hint ?? "something"));
  other.publish(long, "8");
  await eventually("something came", () => heard.includes("something"));
  expect(heard).not.toContain("8");
});

it("wakes listeners by polling while it cannot listen, and listens again by itself", async () => {
  const [one, other] = [await openFor({ url: database(), pollMs: 20 }), await openFor({ url: database() })];
  const heard: (string | undefined)[] = [];
  const end = one.subscribe("topic", (hint) => heard.push(hint));
  const hears = async (): Promise<boolean> => (await one.health()).details["hearsHints"] === true;
  await eventually("it listens", hears);
  const connection = await connectFor(database());
  const { rows } = await connection.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast hints' and datname = current_database()",
  );
  expect(rows.length).toBeGreaterThan(0);
  heard.length = 0;
  await eventually("it was woken", () => heard.includes(undefined));
  await eventually("it listens again", hears);
  other.publish("topic", "back");
  await eventually("the hint came", () => heard.includes("back"));
  end();
});
