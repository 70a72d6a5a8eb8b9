import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import { silenceMs } from "../http/silence.ts";
import { mostAheadBytes } from "./exchanges.ts";
import { sessionDefaults } from "./options.ts";

const { keepAliveMs, maxLogBytes, maxStreamBufferBytes, maxWaitingCalls, maxRounds, roundTimeoutMs } = sessionDefaults;
const page = readFileSync(new URL("../../../../../docs/limits.md", import.meta.url), "utf8");

it.each<[string, string]>([
  ["Output of a session kept for resuming", `${maxLogBytes / 2 ** 20} MiB`],
  ["Unread output of a stream that can be resumed", `${mostAheadBytes / 2 ** 10} KiB`],
  ["Unread output of a 2025-era stream that cannot", `${maxStreamBufferBytes / 2 ** 20} MiB`],
  ["Time that a stream's reader takes nothing of what waits", `${silenceMs(keepAliveMs) / 60_000} minute`],
  ["Calls of a session that wait for their client", `${maxWaitingCalls}`],
  ["Rounds of questions of a call · time for each", `${maxRounds} · ${roundTimeoutMs / 60_000} minutes`],
])("%s: the page of limits says %s, as it is", (what, value) => {
  const row = page.split("\n").find((line) => line.startsWith(`| ${what} |`));
  expect(row?.split(" | ").at(-2)).toBe(value);
});
