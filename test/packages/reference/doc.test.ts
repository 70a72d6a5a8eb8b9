import { expect, it } from "vitest";

import { docOf } from "./doc.ts";

it("takes a comment apart into paragraphs, parameters and examples", () => {
  const doc = docOf(`*
 * Adds an item. Throws
 * \`NOT_FOUND\`.
 *
 * - one
 * - two
 *
 * @param sku what to add,
 *   by its number.
 * @deprecated use \`put\`.
 * @example
 * add("a");
 *   add("b");
 `);
  expect(doc).toEqual({
    text: "Adds an item. Throws `NOT_FOUND`.\n\n- one\n- two",
    params: [{ name: "sku", text: "what to add, by its number." }],
    deprecated: "use `put`.",
    examples: ['add("a");\n  add("b");'],
  });
});

it("refuses a tag that no page would show", () => {
  expect(() => docOf("*\n * Does it.\n * @remarks None would see this.\n ")).toThrow("@remarks");
});
