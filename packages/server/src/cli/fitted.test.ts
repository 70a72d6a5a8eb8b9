import { expect, it } from "vitest";

import { filledText, fitted } from "./fitted.ts";

it("leaves a page alone that fits", () => {
  const page = "Usage: holdfast\n\nFlags:\n  --port N    Port; 0 picks a free one\n";
  expect(fitted(page, 80)).toBe(page);
});

it("goes on below the last column of a row, or below a row that is too wide for that", () => {
  expect(fitted("  --port N    Port; 0 picks a free one", 30)).toBe(
    "  --port N    Port; 0 picks a\n              free one",
  );
  const row = "  holdfast export alice --out alice.jsonl  what alice may ask for";
  expect(fitted(row, 45)).toBe("  holdfast export alice --out alice.jsonl\n      what alice may ask for");
});

it("sets sentences anew, and keeps titles, rows and empty lines apart", () => {
  const page = "Usage: x\n\nOne two three\nfour five six.\n\nFlags:\n  --a    does this and that at once";
  expect(fitted(page, 20)).toBe(
    "Usage: x\n\nOne two three four\nfive six.\n\nFlags:\n  --a    does this\n         and that at\n         once",
  );
});

it("breaks between flags where several stand in a line", () => {
  expect(fitted("  --max-a N  --max-b SIZE  --max-c N", 26)).toBe("  --max-a N  --max-b SIZE\n  --max-c N");
});

it("leaves a word whole that is longer than a line", () => {
  expect(filledText("see /a/very/long/path/to/something and more of it", 20)).toEqual([
    "see",
    "/a/very/long/path/to/something",
    "and more of it",
  ]);
  expect(filledText("/a/very/long/path/to/something", 20)).toEqual(["/a/very/long/path/to/something"]);
});
