/** Every row of the table in docs/limits.md is tried by some test, which this one names. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const server = "test/server/";
const mcp = "packages/holdfast/src/mcp/";
const flags = `${server}limits.test.ts`;
const fixed = `${server}fixed-limits.test.ts`;

/** The row, by what it begins with; the file of the test, and what the test is called. */
const proofs: readonly (readonly [row: string, file: string, title: string])[] = [
  ["Open connections of a node", flags, "connections answers 503 to those beyond it"],
  ["Requests that a node answers at a time", `${server}in-flight.test.ts`, "answers 503 beyond the requests of a node"],
  ["Those of one principal", `${server}in-flight.test.ts`, "answers 429 beyond the requests of a principal"],
  ["Bodies that a node holds", `${server}in-flight.test.ts`, "holds so many bytes of bodies for a principal"],
  ["Open streams of a node", flags, "streams of the node"],
  [
    "Open streams of one principal, on all nodes",
    `${server}streams-of-all-nodes.test.ts`,
    "are as many as there may be",
  ],
  [
    "Sessions of a node that are in use",
    `${mcp}pressure/serve.test.ts`,
    "others are sent elsewhere, whoever is in use goes on",
  ],
  ["Sessions kept warm at a node", "test/cluster/warm.test.ts", "keep no more than they may but for those at work"],
  ["Memory of a node", `${server}memory.test.ts`, "refuses new sessions before it runs out"],
  [
    "Requests of one principal in a minute",
    `${server}three-nodes.test.ts`,
    "the calls of a minute are counted over all of them",
  ],
  ["Requests of one connection in a minute", flags, "of a connection are counted for each session by itself"],
  ["Different ids and handles of nothing", flags, "that name other ids of no session, over and over, are guessing"],
  ["Sessions of one principal", `${server}three-nodes.test.ts`, "exactly as many sessions, records and handles"],
  ["Records of one principal", `${server}three-nodes.test.ts`, "exactly as many sessions, records and handles"],
  ["All data of one principal", `${server}three-nodes.test.ts`, "bytes that are written all at once"],
  ["One request body", flags, "request bodies"],
  ["The document of one session", flags, "a session's document"],
  ["One action with its details", flags, "one action"],
  ["Actions kept of a session", flags, "actions kept, while the total goes on counting"],
  ["Messages kept of a channel", flags, "messages kept of a channel"],
  ["Events kept of a workflow", flags, "events kept of a workflow"],
  ["Turns kept of a session", flags, "turns kept"],
  ["A session ends after this long without use", flags, "a session's idle time"],
  ["A session ends this long after it began", flags, "a session's whole life"],
  ["Messages in a batch", fixed, "in a batch is 100"],
  ["Nesting of a body", fixed, "of nesting is 64"],
  ["Messages of a session kept for resuming", `${mcp}sessions/streams.test.ts`, "older than what is kept says so"],
  ["Life of a stream", "test/cluster/stream-ages.test.ts", "and ends whole"],
  ["Silence of a stream", "test/cluster/stream-ages.test.ts", "has heartbeats"],
  ["Age of a stream's last authentication", "test/cluster/tokens.test.ts", "the old one's streams end"],
  ["Output of a session kept for resuming", `${mcp}sessions/log-window.test.ts`, "lets go of what is older than fits"],
  [
    "Unread output of a stream that can be resumed",
    "test/cluster/slow-readers.test.ts",
    "little waits for them, the others go on",
  ],
  [
    "Unread output of a 2025-era stream that cannot",
    `${mcp}sessions/modes.test.ts`,
    "since nothing keeps what it has not read",
  ],
  [
    "Time that a stream's reader takes nothing",
    `${mcp}faces/node-streams.test.ts`,
    "who has taken nothing for four heartbeats",
  ],
  [
    "Unread output of a 2026-07-28 request",
    `${mcp}faces/node-streams.test.ts`,
    "cuts off whom more than 16 MiB wait for",
  ],
  ["Calls of a session that wait", `${mcp}sessions/questions/ends.test.ts`, "a session's waiting calls are bounded"],
  ["Rounds of questions of a call", `${mcp}sessions/questions/ends.test.ts`, "too many rounds"],
  ["Resources that a session or a stream subscribes", fixed, "of resources that it subscribes to is 256"],
  ["What a client says of itself", fixed, "in `initialize` is 64 KiB"],
  ["Requests that a connection sends before", `${mcp}faces/node-pipelining.test.ts`, "where they are far too many"],
  ["HTTP headers of a request", fixed, "of headers is 16 KiB"],
  ["Time for headers", `${server}deadlines.test.ts`, "whose head comes a line at a time is told 408"],
  ["Names and keys in tools", fixed, "of names and keys, and of idempotency keys, is 128 characters"],
  ["Idempotency keys of a principal", "packages/holdfast/src/state/once/key-limit.test.ts", "100,000 keys"],
  ["Counters · streams of a record", "packages/holdfast/src/state/once/key-limit.test.ts", "1,000 streams"],
  ["Members of a channel", fixed, "of members of a channel is 1000"],
  ["Input of a turn", fixed, "of a turn is 4 KiB of its input"],
];

const page = readFileSync(new URL("docs/limits.md", root), "utf8");
const rows = page.split("\n").filter((line) => /^\| (?!limit |---)/.test(line) && line.split("|").length === 8);

it("names a test for each row, and for none twice", () => {
  const unproven = rows.filter((row) => proofs.filter(([begins]) => row.startsWith(`| ${begins}`)).length !== 1);
  expect(unproven).toEqual([]);
  expect(rows).toHaveLength(proofs.length);
});

it.each(proofs)("%s: is tried in %s", (_row, file, title) => {
  expect(readFileSync(new URL(file, root), "utf8")).toContain(title);
});
