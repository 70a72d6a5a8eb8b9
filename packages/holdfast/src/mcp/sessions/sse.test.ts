import { expect, test } from "vitest";

import { messageEvent, primingEvent } from "./sse.ts";

test("an event is its id and its data, ended by an empty line", () => {
  expect(messageEvent("p_1", "{}")).toBe("event: message\nid: p_1\ndata: {}\n\n");
  expect(messageEvent(undefined, "{}")).toBe("event: message\ndata: {}\n\n");
  expect(primingEvent("p_1", 500)).toBe("id: p_1\nretry: 500\ndata: \n\n");
});

test("no line break in the data makes a field of its own", () => {
  expect(messageEvent("p_1", "a\nid: forged\r\nretry: 0\rx")).toBe(
    "event: message\nid: p_1\ndata: a\ndata: id: forged\ndata: retry: 0\ndata: x\n\n",
  );
});
