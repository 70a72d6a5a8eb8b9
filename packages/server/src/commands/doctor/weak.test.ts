import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { resolveSettings } from "../../settings/resolve.ts";
import { createTable, type SettingKey } from "../../settings/table.ts";
import { weaknesses, weakSettings } from "./weak.ts";

const secret = "hunter2-hunter2-hunter2";
let dir: string;
let file: (name: string) => string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-weak-"));
  file = (name) => join(dir, name);
  for (const name of ["open.json", "closed.json"]) await writeFile(file(name), "{}");
  await chmod(file("open.json"), 0o644);
  await chmod(file("closed.json"), 0o600);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

type Given = {
  readonly flags?: Record<string, string>;
  readonly env?: Record<string, string>;
  readonly file?: object;
  readonly text?: string;
};

function found({
  flags = {},
  env = {},
  file: content = {},
  text = JSON.stringify(content),
}: Given): readonly (readonly [string, string])[] {
  const table = createTable({ platform: "linux", env: {}, home: "/home/x" });
  const readFile = (): string => text;
  const resolved = resolveSettings(table, { flags: new Map(Object.entries(flags)), env, readFile });
  const findings = weakSettings(table, resolved);
  expect(JSON.stringify(findings)).not.toContain("hunter2");
  for (const { verdict, remedy } of findings) expect([verdict, typeof remedy]).toEqual(["warning", "string"]);
  return findings.map(({ what, seen }) => [what, seen] as const);
}

const remote = { HOLDFAST_HOST: "0.0.0.0", HOLDFAST_AUTH_TOKENS: "tokens.json" };
const oauth = {
  HOLDFAST_AUTH_JWKS: "https://id.example.com/keys",
  HOLDFAST_AUTH_ISSUER: "https://id.example.com",
  HOLDFAST_AUTH_AUDIENCE: "mcp",
};

describe("the doctor", () => {
  it("finds nothing weak in the defaults, nor in a careful configuration of a public server", () => {
    expect(found({})).toEqual([]);
    const careful = found({
      env: {
        ...oauth,
        HOLDFAST_STORE: `postgres://u:${secret}@db.example.com/x?sslmode=verify-full`,
        HOLDFAST_SEAL_KEYS: file("closed.json"),
        HOLDFAST_METRICS_TOKEN: secret,
        HOLDFAST_PUBLIC_URL: "https://mcp.example.com/mcp",
        HOLDFAST_ALLOWED_HOSTS: "mcp.example.com",
      },
    });
    expect(careful).toEqual([]);
  });

  const cases: readonly (readonly [SettingKey, RegExp, () => Given])[] = [
    ["host", /in the clear/, () => ({ env: remote })],
    ["allowedHosts", /rebinding/, () => ({ env: { HOLDFAST_ALLOWED_HOSTS: "any" } })],
    ["allowedOrigins", /any origin/, () => ({ env: { HOLDFAST_ALLOWED_ORIGINS: "any" } })],
    ["authTokens", /neither expire nor rotate/, () => ({ env: remote })],
    ["authClockTolerance", /two minutes/, () => ({ env: { ...oauth, HOLDFAST_AUTH_CLOCK_TOLERANCE: "5m" } })],
    ["publicUrl", /without TLS/, () => ({ env: { HOLDFAST_PUBLIC_URL: "http://mcp.example.com/mcp" } })],
    ["maxCallsPerMinute", /not limited/, () => ({ env: remote })],
    ["maxMissedIdsPerMinute", /guessing/, () => ({ env: { HOLDFAST_MAX_MISSED_IDS_PER_MINUTE: "100000" } })],
    ["sealKeys", /nothing is sealed/, () => ({ env: { HOLDFAST_STORE: "redis://127.0.0.1" } })],
    ["sealKeys", /can read the file/, () => ({ env: { HOLDFAST_SEAL_KEYS: file("open.json") } })],
    [
      "sealAcceptUnsealed",
      /plain text/,
      () => ({ env: { HOLDFAST_SEAL_KEYS: file("closed.json"), HOLDFAST_SEAL_ACCEPT_UNSEALED: "true" } }),
    ],
    ["metricsToken", /can be guessed/, () => ({ env: { HOLDFAST_METRICS_TOKEN: "hunter2" } })],
    ["store", /not encrypted/, () => ({ env: { HOLDFAST_STORE: `postgres://u:${secret}@db.example.com/x` } })],
    [
      "store",
      /not encrypted/,
      () => ({ env: { HOLDFAST_STORE: `tiered:redis://:${secret}@a.example.com,postgres://localhost/x` } }),
    ],
    ["store", /no password/, () => ({ env: { HOLDFAST_STORE: "rediss://db.example.com" } })],
    ["traces", /in the clear/, () => ({ env: { HOLDFAST_TRACES: "http://collector.example.com/v1/traces" } })],
    ["logLevel", /alarms/, () => ({ env: { HOLDFAST_LOG_LEVEL: "silent" } })],
    ["config", /holds a secret/, () => ({ flags: { config: file("open.json") }, file: { metrics_token: secret } })],
    ["metricsToken", /command line/, () => ({ flags: { "metrics-token": secret } })],
    ["store", /command line/, () => ({ flags: { store: `postgres://localhost/x?password=${secret}` } })],
    ["store", /command line/, () => ({ flags: { store: `postgres://u:${secret}@localhost/x` } })],
    ["sealKeys", /command line/, () => ({ flags: { "seal-keys": `{"current":"${secret}"}` } })],
  ];

  it.each(cases)("warns of a weak %s (%s), and repeats no secret", (setting, seen, given) => {
    const flag = `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    expect(found(given())).toContainEqual([flag, expect.stringMatching(seen)]);
  });

  it("names the file that a secret can be put into, and warns of one that others can read", () => {
    const env = { HOLDFAST_METRICS_TOKEN_FILE: file("open.json"), HOLDFAST_STORE_FILE: file("closed.json") };
    const open = ["--metrics-token-file", expect.stringMatching(/can read the file with/)];
    const text = "postgres://localhost/x";
    expect(found({ env: { ...env, HOLDFAST_SEAL_KEYS: file("closed.json") }, text })).toEqual([open]);
    const table = createTable({ platform: "linux", env: {}, home: "/home/x" });
    const flags = new Map([["traces", `https://u:${secret}@collector/`]]);
    const resolved = resolveSettings(table, { flags, env: {}, readFile: () => "" });
    expect(weakSettings(table, resolved)).toMatchObject([
      { remedy: expect.stringContaining("--traces-file") as string },
    ]);
  });

  it("has a case for each weakness it knows of", () => {
    const without = weaknesses.filter(
      ({ setting, seen }) => !cases.some(([name, pattern]) => name === setting && pattern.test(seen)),
    );
    expect(without).toEqual([]);
  });

  it("does not take the name of a file for a secret", () => {
    expect(found({ flags: { "seal-keys": file("closed.json"), config: file("open.json") } })).toEqual([]);
  });
});
