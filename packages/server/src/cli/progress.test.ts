import { expect, it } from "vitest";

import { createOutput, type Output } from "./output.ts";
import { createProgress, spoken } from "./progress.ts";

function outputOf(isTTY: boolean, columns = 80): { readonly out: Output; readonly written: () => string } {
  let text = "";
  const stream = { isTTY, columns, write: (more: string) => (text += more) };
  return { out: createOutput({ stdout: stream, stderr: stream, env: {} }, false), written: () => text };
}

it("without a terminal there is a plain line now and then, and one at the end of each step", () => {
  const { out, written } = outputOf(false);
  let now = 0;
  const progress = createProgress(out, { now: () => now });
  for (let done = 0; done <= 1_200; done += 1) {
    now += 10;
    progress.step({ what: "copying", done, of: 2_000, unit: "records" });
  }
  progress.step({ what: "verifying", done: 2_000, of: 2_000, unit: "records" });
  progress.end();
  expect(written().split("\n")).toEqual([
    "copying   25%  500 of 2,000 records  100/s, 15 s left",
    "copying   50%  1,000 of 2,000 records  100/s, 10 s left",
    "copying   60%  1,200 of 2,000 records  100/s, 8 s left",
    "verifying 100%  2,000 of 2,000 records  0/s",
    "",
  ]);
});

it("on a terminal one line is redrawn, at most ten times a second", () => {
  const { out, written } = outputOf(true);
  let now = 0;
  const progress = createProgress(out, { now: () => now });
  for (let done = 0; done <= 100; done += 1) {
    now += 10;
    progress.step({ what: "copying", done, of: 100, unit: "records" });
  }
  progress.end();
  const drawn = written().split("\r").slice(1);
  expect(drawn.length).toBeLessThanOrEqual(12);
  expect(drawn.at(-1)).toBe("copying   [########################] 100%  100 of 100 records  100/s\u001b[K\n");
});

it.each([
  [90, "copying   [############------------] 50%  1,000 of 2,000 records  100/s, 10 s left"],
  [80, "copying   [########--------] 50%  1,000 of 2,000 records  100/s, 10 s left"],
  [60, "copying [############------------] 50% 100/s, 10 s left"],
  [40, "copying [####----] 50% 100/s, 10 s left"],
  [30, "copying 50% 100/s, 10 s left"],
  [10, "50%"],
  [3, "50"],
])("on a terminal of %d columns the line never wraps, for then it could not be drawn over", (columns, line) => {
  const { out, written } = outputOf(true, columns);
  let now = 0;
  const progress = createProgress(out, { now: () => now });
  for (let done = 0; done <= 1_000; done += 10) {
    progress.step({ what: "copying", done, of: 2_000, unit: "records" });
    now += 100;
  }
  now -= 100;
  progress.end();
  const drawn = written()
    .split("\r")
    .slice(1)
    .map((text) => text.replace(/\u001b\[K\n?/, ""));
  expect(Math.max(...drawn.map(({ length }) => length))).toBeLessThan(columns);
  expect(drawn.at(-1)).toBe(line);
});

it("looking for something shows nothing where it is short, and nothing is left of it afterwards", () => {
  const { out, written } = outputOf(true);
  let now = 0;
  for (const steps of [20, 100]) {
    const progress = createProgress(out, { now: () => now, passing: true });
    for (let done = 1; done <= steps; done += 1) {
      progress.step({ what: "looking", done, unit: "records" });
      now += 10;
    }
    progress.end();
  }
  expect(written().split("\r").slice(1)).toEqual([
    "looking   51 records  100/s\u001b[K",
    "looking   61 records  100/s\u001b[K",
    "looking   71 records  100/s\u001b[K",
    "looking   81 records  100/s\u001b[K",
    "looking   91 records  100/s\u001b[K",
    "\u001b[K",
  ]);
});

it("what was done before this run says nothing about its rate", () => {
  const { out, written } = outputOf(false);
  let now = 0;
  const progress = createProgress(out, { now: () => now });
  for (let done = 900; done <= 910; done += 1) {
    progress.step({ what: "copying", done, of: 1_000, unit: "records" });
    now += 1_000;
  }
  expect(written()).toContain("copying   90%  905 of 1,000 records  1/s, 1 min 35 s left\n");
});

it("work that may be short is only told of where somebody looks, or once it has taken long", () => {
  const { out, written } = outputOf(false);
  let now = 0;
  for (const steps of [10, 700]) {
    const progress = createProgress(out, { now: () => now, tellShort: false });
    for (let done = 1; done <= steps; done += 1) {
      progress.step({ what: "writing", done, of: steps, unit: "records" });
      now += 10;
    }
    progress.end();
  }
  expect(written().split("\n")).toEqual([
    "writing   71%  501 of 700 records  100/s, 2 s left",
    "writing   100%  700 of 700 records  100/s",
    "",
  ]);
});

it.each([
  [0.2, "1 s"],
  [59, "59 s"],
  [61, "1 min 01 s"],
  [3_661, "1 h 01 min"],
])("%d seconds are spoken as %s", (seconds, text) => expect(spoken(seconds)).toBe(text));
