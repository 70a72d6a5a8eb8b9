/** Every row of the table of HTTP answers in docs/errors.md is tried by some test, which this one names. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
/** On every store, by the ready server, at two nodes. */
const table = "test/answers/answers.test.ts";
const rows = "test/answers/rows.ts";
const streams = "test/server/streams-of-all-nodes.test.ts";

/** The row, by what it begins with; the file of the test, and something of what the test says. */
const proofs: readonly (readonly [row: string, file: string, text: string])[] = [
  ["unknown, expired, ended, malformed", table, "an id of no session of the caller: one 404"],
  ["unknown, expired, ended, malformed", table, "the same at another node, and once its time is over"],
  ["no session id on a 2025-era request", rows, "no session id on a 2025-era request that needs one"],
  ["the store cannot be reached", table, "the store cannot be reached: 503"],
  ["the store is full", "test/disk-full/disk-full.test.ts", "answers 507 and a tool's error, goes on reading"],
  ["`Host` or `Origin` not allowed", rows, "an origin that is not allowed"],
  ["`Host` or `Origin` not allowed", rows, "a host that is not allowed"],
  ["no, bad or insufficient token", rows, "a token nobody has"],
  ["no, bad or insufficient token", "test/cluster/tokens.test.ts", "what it may do no longer is 403 at once"],
  ["body over the cap", rows, "a body over the cap, as it comes"],
  ["body over the cap", rows, "a compressed body"],
  ["bad JSON", rows, "bad JSON"],
  ["bad JSON", rows, "a body of another type"],
  ["bad JSON", rows, "an Accept without streams"],
  ["a batch that is empty", rows, "a batch of more than 100"],
  ["a batch that is empty", rows, "a batch in a version without any"],
  ["a batch that is empty", rows, "nesting over 64"],
  ["2026-07-28: header and body", rows, "2026-07-28: header and body disagree"],
  ["2026-07-28: header and body", rows, "2026-07-28: version unknown"],
  ["2026-07-28: header and body", rows, "2026-07-28: method unknown"],
  ["2026-07-28: header and body", "packages/holdfast/src/mcp/serve.test.ts", "is 400 -32021 where the client lacks"],
  ["a second GET stream of a session", table, "a second stream of one session takes over"],
  ["`Last-Event-ID` unknown, forged", table, "a Last-Event-ID that is unknown, forged, or of another session"],
  ["`Last-Event-ID` older", table, "a Last-Event-ID older than what is kept"],
  ["too many streams of a principal", streams, "are as many as there may be"],
  ["too many streams of a principal", table, "streams of a node: 429"],
  ["more calls than a minute has", "test/server/three-nodes.test.ts", "the calls of a minute are counted over all"],
  ["more calls than a minute has", table, "guessing: 60 ids are 404"],
  ["draining", "test/server/lifecycle.test.ts", "turns readiness red, refuses new work"],
  [
    "memory is short, or a node has",
    "packages/holdfast/src/mcp/pressure/serve.test.ts",
    "then new sessions are refused",
  ],
];

const [, section = ""] = readFileSync(new URL("docs/errors.md", root), "utf8").split("## Over HTTP");
const answers = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => /^\| (?!situation|---)/.test(line));

it("names a test for each answer, and answers that are there", () => {
  expect(answers.length).toBeGreaterThan(15);
  const begins = (row: string, [start]: (typeof proofs)[number]): boolean => row.startsWith(`| ${start}`);
  expect(answers.filter((row) => !proofs.some((proof) => begins(row, proof)))).toEqual([]);
  expect(proofs.filter((proof) => !answers.some((row) => begins(row, proof)))).toEqual([]);
});

it.each(proofs)("%s: is tried in %s: %s", (_row, file, text) => {
  expect(readFileSync(new URL(file, root), "utf8")).toContain(text);
});
