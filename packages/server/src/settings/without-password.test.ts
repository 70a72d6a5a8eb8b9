import { describe, expect, it } from "vitest";

import { holdsPassword, withoutPassword } from "./without-password.ts";

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
    ["postgres://db/app?password=SEC&SECRET", "postgres://db/app"],
    ["postgres://db/app?password=SEC@SECRET", "postgres://"],
    ["postgres://db/app?password=SEC&SEC@RET", "postgres://"],
    ["postgres://u:SEC?password=SEC&SECRET@db/app", "postgres://"],
    ["redis://:SEC?token=SECRET@cache:6379", "redis://"],
    ["https://collector/v1/traces?sig=SECRET", "https://collector/v1/traces"],
    ["postgres:u:SECRET@db/app", "db/app"],
    ["redis:SECRET@cache", "cache"],
    ["u:SECRET@db/app", "db/app"],
    ["host=db password=SEC SECRET user=u", "host=db"],
    ["postgres://u:SECRET@%2Frun%2Fpg/app?options=-c%20x", "postgres://%2Frun%2Fpg/app?options=-c%20x"],
  ])("of %s", (given, shown) => {
    expect(withoutPassword(given)).toBe(shown);
    expect(shown).not.toContain("SEC");
  });

  it("is told from one that never had any", () => {
    for (const given of ["postgres://u:x@db/app", "postgres://db/app?password=x", "tiered:redis://c,redis://:x@d"]) {
      expect([given, holdsPassword(given)]).toEqual([given, true]);
    }
    for (const given of ["postgres://u@db/app?sslmode=require", "sqlite:./a:b@c", "memory:", "redis://c:6379"]) {
      expect([given, holdsPassword(given)]).toEqual([given, false]);
    }
  });

  it.each(["sqlite:/home/me@work/state.db", "memory:", "me@host", "postgres://db/app?accept=fsync=off,old-server"])(
    "leaves %s as it is",
    (given) => {
      expect(withoutPassword(given)).toBe(given);
    },
  );
});
