import { expect, it } from "vitest";

import { printable, renderTable } from "./table.ts";

const columns = [{ title: "id" }, { title: "count", align: "right" }, { title: "label" }] as const;
const plain = (text: string): string => text;

it("a table is as wide as what is in it", () => {
  expect(
    renderTable(
      columns,
      [
        ["one", 1_234, "x"],
        ["a longer id", undefined, "y"],
      ],
      80,
      plain,
    ),
  ).toEqual(["id           count  label", "one          1,234  x", "a longer id      -  y"]);
});

it("a table is cut to the terminal", () => {
  const lines = renderTable(columns, [["one", 1, "a label that does not fit"]], 20, plain);
  expect(lines).toEqual(["id   count  label", "one      1  a label…"]);
});

it.each([
  ["two\nlines", "two⏎lines"],
  ["\u001b[2Jgone\u0007", "\\u{1b}[2Jgone\\u{7}"],
  ["safe\u202Eevil", "safe\\u{202e}evil"],
  ["é 🦆 漢", "é 🦆 漢"],
])("what clients wrote cannot steer the terminal: %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});
