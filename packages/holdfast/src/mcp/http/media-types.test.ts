import { describe, expect, it } from "vitest";
import { accepts, mediaTypeOf } from "./media-types.ts";

describe("accepts", () => {
  it.each([
    ["application/json, text/event-stream", true, true],
    ["text/event-stream;q=0.5,application/json;q=1", true, true],
    ["application/*, text/*", true, true],
    ["*/*", true, true],
    ["APPLICATION/JSON", true, false],
    ["application/json;q=0, text/event-stream", false, true],
    ["application/json;q=0.000", false, false],
    ["application/jsonp", false, false],
    ["text/html", false, false],
    ["", false, false],
    [undefined, false, false],
  ])("%j: JSON %s, stream %s", (header, json, stream) => {
    expect(accepts(header, "application/json")).toBe(json);
    expect(accepts(header, "text/event-stream")).toBe(stream);
  });
});

describe("mediaTypeOf", () => {
  it("drops parameters and case", () => {
    expect(mediaTypeOf("Application/JSON ; charset=utf-8")).toBe("application/json");
    expect(mediaTypeOf(undefined)).toBeUndefined();
  });
});
