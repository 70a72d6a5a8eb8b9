import { describe, expect, it } from "vitest";

import { withoutPassword } from "./without-password.ts";

describe("an address without its password", () => {
  it.each([
    ["postgres://u:SECRET@db:5432/app", "postgres://db:5432/app"],
    ["postgres://db/app?password=SECRET", "postgres://db/app"],
    [
      "postgres://db/app?sslmode=require&password=SECRET&accept=fsync=off,old-server",
      "postgres://db/app?sslmode=require&accept=fsync=off,old-server",
    ],
    ["postgres://db/app?pass%77ord=SECRET", "postgres://db/app"],
    ["postgres://db/app?PASSWORD=SEC?RET", "postgres://db/app"],
    ["postgres://db/app?password=SEC,SECRET&sslmode=require", "postgres://db/app?sslmode=require"],
    ["postgres://u:SEC#SECRET@db/app", "postgres://db/app"],
    ["postgres://u:SEC/SECRET@db/app", "postgres://db/app"],
    ["postgres://u:SEC?SECRET@db/app", "postgres://db/app"],
    ["postgres://u:SEC SECRET@db/app", "postgres://db/app"],
    ["postgres://u:SEC@SECRET@db/app", "postgres://db/app"],
    ["postgres://u:SEC,SECRET@db/app", "postgres://db/app"],
    ["postgres://u:SEC&SECRET@db/app?sslmode=require", "postgres://db/app?sslmode=require"],
    ["redis+sentinel://u:SECRET@one:26379,two:26379/main", "redis+sentinel://one:26379,two:26379/main"],
    [
      "tiered:redis://:SECRET@cache:6379,postgres://u:SECRET@db/app?password=SECRET",
      "tiered:redis://cache:6379,postgres://db/app",
    ],
    ["https://u:SECRET@collector/v1/traces?api_key=SECRET", "https://collector/v1/traces"],
  ])("of %s", (given, shown) => {
    expect(withoutPassword(given)).toBe(shown);
  });

  it.each(["sqlite:/home/me@work/state.db", "memory:", "me@host", "postgres://db/app?accept=fsync=off,old-server"])(
    "leaves %s as it is",
    (given) => {
      expect(withoutPassword(given)).toBe(given);
    },
  );
});
