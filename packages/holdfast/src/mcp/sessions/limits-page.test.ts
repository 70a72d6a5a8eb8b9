import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import { sessionDefaults } from "./options.ts";

const { maxLogBytes, maxStreamBufferBytes, maxWaitingCalls, maxRounds, roundTimeoutMs } = sessionDefaults;
const page = readFileSync(new URL("../../../../../docs/limits.md", import.meta.url), "utf8");

it.each<[string, string]>([
  ["Output of a session kept for resuming", `${maxLogBytes / 2 ** 20} MiB`],
  ["Unread output of a stream of a session", `${maxStreamBufferBytes / 2 ** 20} MiB`],
  ["Calls of a session that wait for their client", `${maxWaitingCalls}`],
  ["Rounds of questions of a call · time for each", `${maxRounds} · ${roundTimeoutMs / 60_000} minutes`],
])("%s: the page of limits says %s, as it is", (what, value) => {
  const row = page.split("\n").find((line) => line.startsWith(`| ${what} |`));
  expect(row?.split(" | ").at(-2)).toBe(value);
});
