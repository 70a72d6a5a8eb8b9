import { isHoldfastError } from "holdfast";
import { describe, expect, it } from "vitest";

import { type Given, type Resolved, resolveSettings } from "./resolve.ts";
import { shownSettings } from "./show.ts";
import { createTable } from "./table.ts";

const table = createTable({ platform: "linux", env: {}, home: "/home/ann" });

function resolve(given: {
  readonly flags?: Readonly<Record<string, string>>;
  readonly env?: Given["env"];
  readonly file?: unknown;
  readonly fileText?: string;
}): Resolved {
  const text = given.fileText ?? JSON.stringify(given.file);
  return resolveSettings(table, {
    flags: new Map(Object.entries({ ...given.flags, ...(text !== undefined && { config: "h.json" }) })),
    env: given.env ?? {},
    readFile: () => text,
  });
}

function complaint(given: Parameters<typeof resolve>[0]): string {
  try {
    resolve(given);
  } catch (error) {
    if (isHoldfastError(error, "CONFIGURATION")) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("where a setting comes from", () => {
  it("is the default, the file, the environment, the flag, the later ones first", () => {
    const file = { port: 1 };
    const env = { HOLDFAST_PORT: "2" };
    const flags = { port: "3" };
    expect(resolve({}).settings.port).toBe(3000);
    expect(resolve({ file }).settings.port).toBe(1);
    expect(resolve({ file, env }).settings.port).toBe(2);
    expect(resolve({ file, env, flags })).toMatchObject({ settings: { port: 3 }, sources: { port: "flag" } });
  });

  it("is decided for each setting by itself", () => {
    const { settings, sources } = resolve({ file: { port: 1, host: "localhost" }, env: { HOLDFAST_PORT: "2" } });
    expect([settings.port, settings.host, settings.path]).toEqual([2, "localhost", "/mcp"]);
    expect([sources.port, sources.host, sources.path]).toEqual(["environment", "file", "default"]);
  });

  it("may be a file that the environment names", () => {
    const readFile = (path: string): string => JSON.stringify({ path: `/${path}` });
    const { settings } = resolveSettings(table, { flags: new Map(), env: { HOLDFAST_CONFIG: "a" }, readFile });
    expect(settings.path).toBe("/a");
  });

  it("takes an empty variable for one that is not set", () => {
    expect(resolve({ env: { HOLDFAST_PORT: "" } }).settings.port).toBe(3000);
  });

  it("leaves alone what Kubernetes sets for a service called holdfast", () => {
    const env = {
      HOLDFAST_PORT: "tcp://10.0.0.7:3000",
      HOLDFAST_SERVICE_HOST: "10.0.0.7",
      HOLDFAST_SERVICE_PORT_HTTP: "3000",
      HOLDFAST_PORT_3000_TCP_ADDR: "10.0.0.7",
    };
    expect(resolve({ env }).settings.port).toBe(3000);
  });

  it("has any spelling of its name in a file", () => {
    for (const name of ["max-sessions", "max_sessions", "maxSessions"]) {
      expect(resolve({ file: { [name]: 7 } }).settings.maxSessions).toBe(7);
    }
  });

  it("may be a number, a switch or a list in a file", () => {
    const { settings } = resolve({
      file: { stateless: true, "allowed-hosts": ["a", "b"], "session-idle": "90s", max_body: 2048 },
    });
    expect(settings).toMatchObject({ stateless: true, allowedHosts: ["a", "b"], sessionIdle: 90_000, maxBody: 2048 });
  });
});

describe("a secret in a file of its own", () => {
  const files: Readonly<Record<string, string>> = {
    store: "postgres://u:hunter2@db/app\n",
    token: "hunter2-hunter2\r\n",
    empty: "\n",
    lines: "hunter2\nhunter2\n",
    "h.json": JSON.stringify({ storeFile: "store" }),
  };
  const readFile = (path: string): string => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT: ${path}`);
    return text;
  };
  const resolved = (flags: Readonly<Record<string, string>>, env: Given["env"] = {}): Resolved =>
    resolveSettings(table, { flags: new Map(Object.entries(flags)), env, readFile });

  it("is read from the file that a flag, a variable or the configuration names, without its last line break", () => {
    const { settings, heldIn, sources } = resolved({ "store-file": "store" }, { HOLDFAST_METRICS_TOKEN_FILE: "token" });
    expect(settings).toMatchObject({ store: "postgres://u:hunter2@db/app", metricsToken: "hunter2-hunter2" });
    expect(sources).toMatchObject({ store: "flag", metricsToken: "environment" });
    expect([...heldIn]).toEqual([
      ["store", "store"],
      ["metricsToken", "token"],
    ]);
    expect(resolved({ config: "h.json" }).settings.store).toBe("postgres://u:hunter2@db/app");
  });

  it("gives way to what is said nearer by, in whichever form", () => {
    expect(resolved({ store: "memory:" }, { HOLDFAST_STORE_FILE: "nowhere" }).settings.store).toBe("memory:");
    expect(resolved({ "store-file": "store" }, { HOLDFAST_STORE: "memory:" }).settings.store).toContain("postgres:");
  });

  it("goes on being a file where its setting takes one, so that keys can change while the server runs", () => {
    expect(resolved({ "seal-keys-file": "/run/seal.json" }).settings.sealKeys).toBe("/run/seal.json");
    expect(resolved({ "seal-keys-file": "{odd" }).settings.sealKeys?.startsWith("/")).toBe(true);
  });

  it.each([
    [{ store: "memory:", "store-file": "store" }, {}, "--store and --store-file contradict each other"],
    [{}, { HOLDFAST_STORE: "memory:", HOLDFAST_STORE_FILE: "store" }, "contradict each other: give one of them"],
    [{ "store-file": "nowhere" }, {}, "the file of --store-file cannot be read: ENOENT: nowhere"],
    [{ "metrics-token-file": "empty" }, {}, "the file of --metrics-token-file (empty) has to hold the value alone"],
    [{}, { HOLDFAST_METRICS_TOKEN_FILE: "lines" }, "the file of HOLDFAST_METRICS_TOKEN_FILE (lines) has to hold"],
    [{ "port-file": "store" }, {}, "unknown flag --port-file"],
  ])("%j %j: %s, and no more of it", (flags, env, message) => {
    let said = "";
    try {
      resolved(flags, env);
    } catch (error) {
      said = String(error);
    }
    expect(said).toContain(message);
    expect(said).not.toContain("hunter2");
  });
});

describe("what is refused", () => {
  it.each([
    [{ flags: { prot: "1" } }, "unknown flag --prot; did you mean --port?"],
    [{ env: { HOLDFAST_PROT: "1" } }, "unknown environment variable HOLDFAST_PROT; did you mean HOLDFAST_PORT?"],
    [{ file: { prot: 1 } }, 'unknown setting "prot" in h.json; did you mean port?'],
    [{ file: { xyzzyxyzzy: 1 } }, 'unknown setting "xyzzyxyzzy" in h.json'],
    [{ file: { config: "other.json" } }, '"config" cannot stand in h.json: a configuration file names no other'],
    [{ file: { maxSessions: 1, "max-sessions": 2 } }, '"max-sessions" stands twice in h.json, in different spellings'],
    [{ flags: { port: "65536" } }, '--port has to be between 0 and 65535, and "65536" is not'],
    [{ flags: { port: "-1" } }, '--port has to be a whole number, and "-1" is not'],
    [{ flags: { port: "8e3" } }, '--port has to be a whole number, and "8e3" is not'],
    [{ flags: { port: "" } }, '--port has to be a whole number, and "" is not'],
    [{ env: { HOLDFAST_RESPONSE: "xml" } }, 'HOLDFAST_RESPONSE has to be one of auto, json, sse, and "xml" is not'],
    [{ file: { stateless: "yes" } }, '"stateless" in h.json has to be true or false, and "yes" is not'],
    [{ flags: { "max-body": "4MB" } }, '--max-body has to be a size such as 256KiB or 4MiB, and "4MB" is not'],
    [
      { flags: { "session-idle": "1w" } },
      '--session-idle has to be a time such as 500ms, 90s, 15m, 24h or 30d, and "1w" is not',
    ],
    [{ flags: { "session-idle": "1ms" } }, '--session-idle has to be between 1s and 3650d, and "1ms" is not'],
    [
      { flags: { "allowed-hosts": "a,,b" } },
      '--allowed-hosts has to be a list of names separated by commas, and "a,,b" is not',
    ],
    [{ file: { port: null } }, '"port" in h.json has to be a text, a number, true, false or a list of texts'],
    [{ file: [] }, "the configuration file h.json has to hold one JSON object of settings"],
    [{ fileText: "{ token: secret" }, "the configuration file h.json is not valid JSON"],
    [{ flags: { path: "mcp" } }, '--path has to begin with a slash and hold no space, ? or #, and "mcp" does not'],
    [{ flags: { path: "/readyz" } }, "--path /readyz is taken: choose another, such as /mcp"],
    [
      { flags: { "session-idle": "2h", "session-absolute": "1h" } },
      "--session-idle is longer than --session-absolute: raise the latter or lower the former",
    ],
    [{ flags: { auth: "tokens" } }, "--auth tokens needs --auth-tokens FILE"],
    [
      { flags: { auth: "none", "auth-tokens": "t" } },
      "--auth none and --auth-tokens contradict each other: give one of them",
    ],
    [
      { flags: { "auth-tokens": "t", "auth-jwks": "k" } },
      "--auth-tokens and --auth-jwks contradict each other: give one of them",
    ],
    [
      { flags: { "auth-jwks": "k", "auth-issuer": "https://id.example" } },
      "--auth-jwks needs --auth-issuer URL and --auth-audience NAME: whose tokens, and which of them",
    ],
    [{ flags: { "auth-scopes": "mcp" } }, "--auth-scopes does nothing without --auth-jwks URL or FILE"],
    [{ flags: { auth: "oauth" } }, "--auth oauth needs --auth-jwks URL or FILE, --auth-issuer and --auth-audience"],
  ])("%j: %s", (given, message) => {
    expect(complaint(given)).toBe(message);
  });

  it("is a prototype's name in a file like any other unknown name", () => {
    expect(complaint({ fileText: '{"__proto__":{"port":1}}' })).toContain('unknown setting "__proto__"');
    expect(complaint({ file: { constructor: 1 } })).toContain('unknown setting "constructor"');
  });

  it("is a file that cannot be read, with the reason", () => {
    const readFile = (): string => {
      throw new Error("EACCES");
    };
    const given = { flags: new Map([["config", "h.json"]]), env: {}, readFile };
    expect(() => resolveSettings(table, given)).toThrow("the configuration file h.json cannot be read: EACCES");
  });
});

describe("where traces go", () => {
  it.each(["hunter2://[x", "collector:4318/hunter2", "ftp://u:hunter2@c"])(
    "is no %s, which is not repeated",
    (traces) => {
      expect(() => resolve({ flags: { traces } })).toThrow(
        /^--traces has to be an http or https URL, such as http:\/\/127\.0\.0\.1:4318\/v1\/traces$/,
      );
    },
  );
});

describe("settings as they are shown", () => {
  it("can be used as a configuration file and say the same again", () => {
    const first = resolve({ flags: { "session-idle": "90m", "max-body": "1MiB", "allowed-hosts": "a,b", port: "0" } });
    const again = resolve({ file: shownSettings(table, first) });
    expect({ ...again.settings, config: undefined }).toEqual({ ...first.settings, config: undefined });
  });

  it("hide the password of a store's address, also behind its ?", () => {
    const query = shownSettings(table, resolve({ flags: { store: "postgres://p/db?sslmode=require&password=pw" } }));
    expect(query["store"]).toBe("postgres://p/db?sslmode=require");
    const shown = shownSettings(table, resolve({ flags: { store: "tiered:redis://:pw1@r/0,postgres://u:pw2@p/db" } }));
    expect(shown["store"]).toBe("tiered:redis://r/0,postgres://p/db");
  });
});

describe("flags that commands have of their own", () => {
  const ownFlags = ["limit", "token-file", "json"];
  const own = (env: Given["env"], file: unknown = {}): unknown => {
    const flags = new Map([["config", "h.json"]]);
    return Object.fromEntries(
      resolveSettings(table, { flags, env, readFile: () => JSON.stringify(file), ownFlags }).own,
    );
  };

  it("may be variables and names in the file, the variable first", () => {
    expect(own({ HOLDFAST_LIMIT: "5", HOLDFAST_TOKEN_FILE: "t" }, { limit: 7, json: true, port: 1 })).toEqual({
      limit: "5",
      "token-file": "t",
      json: "true",
    });
  });

  it("are no licence for names that nobody has", () => {
    expect(() => own({ HOLDFAST_LIMITS: "5" })).toThrow("unknown environment variable HOLDFAST_LIMITS");
    expect(() => own({}, { limits: 5 })).toThrow('unknown setting "limits"');
  });
});
