/**
 * docs/limits.md has one table of every limit. It is made of the settings that are limits and of what the library bounds
 * besides; UPDATE_DOCS=1 writes it anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { holdDefaults, serveDefaults } from "holdfast";
import { describe, expect, it } from "vitest";

import { limitRows } from "./limits.ts";
import { environmentName, flagName } from "./names.ts";
import { shown } from "./show.ts";
import { createTable, type SettingKey } from "./table.ts";

const page = new URL("../../../../docs/limits.md", import.meta.url);
const table = createTable({ platform: "linux", env: {}, home: "~" });
// The keys of the rows are settings: the table is made of them.
const keys = Object.keys(limitRows) as (keyof typeof limitRows)[] satisfies SettingKey[];

type Fixed = readonly [what: string, option: string, value: string, beyond: string];

/** What the library bounds and the ready server leaves as it is: its options of `serve()`, and what has no option. */
const fixed: readonly Fixed[] = [
  ["Messages in a batch", "serve limits.maxBatch", "100", "`400` `-32600`"],
  ["Nesting of a body", "serve limits.maxDepth", "64", "`400` `-32600`"],
  [
    "Messages of a session kept for resuming streams",
    "serve limits.maxLogEvents",
    "1000",
    "`400` with `replay_window_exceeded`",
  ],
  ["Life of a stream, in milliseconds", "serve limits.maxStreamAgeMs", "3600000", "it ends; the client resumes"],
  ["Silence of a stream, in milliseconds", "serve limits.keepAliveMs", "15000", "a comment is sent"],
  [
    "Age of a stream's last authentication, in milliseconds",
    "serve limits.reauthenticateMs",
    "20000",
    "it is asked again, and refused the stream ends",
  ],
  ["Output of a session kept for resuming", "", "4 MiB", "`400` with `replay_window_exceeded`"],
  [
    "Unread output of a stream that can be resumed",
    "",
    "512 KiB",
    "it is fed from the session's log, at its reader's pace",
  ],
  ["Unread output of a 2025-era stream that cannot", "", "4 MiB", "the connection is cut; the client asks again"],
  ["Unread output of a 2026-07-28 request", "", "16 MiB", "the connection is cut; the client asks again"],
  [
    "Time that a stream's reader takes nothing of what waits",
    "",
    "1 minute",
    "the connection is cut; the client resumes",
  ],
  ["Calls of a session that wait for their client", "", "64", "the call ends with an error"],
  ["Rounds of questions of a call · time for each", "", "8 · 10 minutes", "the call ends with an error"],
  ["Resources that a session or a stream subscribes to", "", "256", "a JSON-RPC error"],
  ["What a client says of itself in `initialize`", "", "64 KiB", "`400` `-32600`"],
  ["Requests that a connection sends before earlier ones were answered", "", "64", "the connection is closed"],
  ["HTTP headers of a request", "", "16 KiB", "`431`"],
  ["Time for headers · for a request", "", "15 s · 60 s", "`408`, and the connection is closed"],
  ["Names and keys in tools · idempotency keys", "", "128 characters", "the tool error `invalid_argument`"],
  ["Idempotency keys of a principal in 24 hours", "", "100000", "the tool error `quota_exceeded`"],
  ["Counters · streams of a record", "", "1000", "the tool error `quota_exceeded`"],
  ["Members of a channel", "", "1000", "the tool error `invalid_argument`"],
  ["Input of a turn · preview of its output", "", "4 KiB · 200 characters", "cut"],
];

function cells(...row: readonly string[]): string {
  return `| ${row.join(" | ")} |\n`;
}

function code(text: string): string {
  return text === "" ? "–" : `\`${text}\``;
}

function settingRow(key: keyof typeof limitRows): string {
  const { help, beyond = "", option = "", default: value } = table[key];
  const text = shown(table, key, value)?.toString() ?? "none";
  return cells(help, code(`--${flagName(key)}`), code(environmentName(key)), code(option), text, beyond);
}

describe("docs/limits.md", () => {
  it("has every limit, as it is", () => {
    const text = readFileSync(page, "utf8");
    const [before = "", after = ""] = text.split(/(?<=\|---\|---\|---\|---\|---\|---\|\n)(?:\|.*\n)*/);
    const rows = [
      ...keys.map(settingRow),
      ...fixed.map(([what, option, value, beyond]) => cells(what, "–", "–", code(option), value, beyond)),
    ];
    const written = before + rows.join("") + after;
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(page, written);
    else expect(text).toBe(written);
  });

  it("says what is answered beyond each, and has each option of the library once, with the library's default", () => {
    expect(keys.filter((key) => table[key].beyond === undefined || table[key].option === undefined)).toEqual([]);
    const options = [...keys.map((key) => table[key].option ?? ""), ...fixed.map(([, option]) => option)];
    const named = options.filter((option) => option.includes(" limits.")).sort();
    const of = (whose: string, defaults: object): readonly string[] =>
      Object.keys(defaults).map((name) => `${whose} limits.${name}`);
    expect(named).toEqual([...of("serve", serveDefaults), ...of("holdfast", holdDefaults)].sort());
  });

  it.each(keys.filter((key) => table[key].option?.includes(" limits.")))(
    "the default of %s is the library's",
    (key) => {
      const [whose, name = ""] = (table[key].option ?? "").split(" limits.");
      const defaults: Readonly<Record<string, number>> = whose === "serve" ? serveDefaults : holdDefaults;
      expect(table[key].default ?? Number.POSITIVE_INFINITY).toBe(defaults[name]);
    },
  );

  it.each(fixed.filter(([, option]) => option !== ""))("%s: %s is %s", (_what, option, value) => {
    const defaults: Readonly<Record<string, number>> = serveDefaults;
    expect(value).toBe(String(defaults[option.replace("serve limits.", "")]));
  });
});
