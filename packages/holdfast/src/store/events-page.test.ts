import { expect, it } from "vitest";

import { eventsPage } from "./events-page.ts";

const standing = { head: 3, first: 1, incarnation: 1 };
const event = (position: number) => ({ position, at: 0, data: "{}" });

it("says whether there is more", () => {
  expect(eventsPage({ ...standing, low: 1, high: 3 }, [event(1), event(2)]).more).toBe(true);
  expect(eventsPage({ ...standing, low: 1, high: 3 }, [event(1), event(2), event(3)]).more).toBe(false);
  expect(eventsPage({ ...standing, low: 4, high: 3 }, []).more).toBe(false);
});

it("does not send a reader round and round for events that the store has lost", () => {
  expect(() => eventsPage({ ...standing, low: 2, high: 3 }, [])).toThrow(
    expect.objectContaining({ code: "STORE_CORRUPT", details: { head: 3, first: 1, low: 2, high: 3 } }),
  );
});
