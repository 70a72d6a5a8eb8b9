/**
 * The walls of docs/architecture.md as data: which room of the house may use which. Arrows run one way,
 * `server → mcp → state → store ← stores`, and `record/` uses nothing.
 */

export type Room = {
  /** Name in messages and in `uses`. */
  readonly name: string;
  /** A file, or a folder with a slash at its end, from the root of the repository. The longest that fits wins. */
  readonly path: string;
  /** Rooms it may import, besides itself. */
  readonly uses: readonly string[];
  /** Rooms it may load on demand only, with `import()`. */
  readonly loads?: readonly string[];
  /** Packages it may import, subpaths included. `node:` stands for all of Node's own modules. */
  readonly packages: readonly string[];
};

const library = "packages/holdfast/src/";

export const rooms: readonly Room[] = [
  { name: "record", path: `${library}record/`, uses: [], packages: ["node:crypto"] },
  { name: "store", path: `${library}store/`, uses: ["record"], packages: ["node:", "cockatiel", "lru-cache"] },
  { name: "security", path: `${library}security/`, uses: ["record"], packages: ["node:", "jose", "lru-cache"] },
  { name: "telemetry", path: `${library}telemetry/`, uses: ["record"], packages: ["node:", "@opentelemetry/api"] },
  {
    name: "stores/memory",
    path: `${library}stores/memory/`,
    uses: ["store", "record"],
    packages: ["node:", "lru-cache"],
  },
  {
    name: "stores/sqlite",
    path: `${library}stores/sqlite/`,
    uses: ["store", "record"],
    packages: ["node:", "@photostructure/sqlite", "lru-cache"],
  },
  {
    name: "stores/postgres",
    path: `${library}stores/postgres/`,
    uses: ["store", "record"],
    packages: ["node:", "pg", "lru-cache"],
  },
  {
    name: "stores/redis",
    path: `${library}stores/redis/`,
    uses: ["store", "record"],
    packages: ["node:", "redis", "lru-cache"],
  },
  {
    name: "stores/tiered",
    path: `${library}stores/tiered/`,
    uses: ["stores/postgres", "stores/redis", "store", "record"],
    packages: ["node:", "lru-cache"],
  },
  {
    name: "open",
    path: `${library}open.ts`,
    uses: ["state", "store", "record"],
    loads: ["stores/memory", "stores/sqlite", "stores/postgres", "stores/redis", "stores/tiered"],
    packages: ["node:"],
  },
  {
    name: "state",
    path: `${library}state/`,
    uses: ["store", "security", "telemetry", "record"],
    packages: ["node:", "@opentelemetry/api", "@standard-schema/spec", "lru-cache", "zod"],
  },
  {
    name: "hold",
    path: `${library}hold.ts`,
    uses: ["state", "open", "store", "security", "telemetry", "record"],
    packages: ["node:"],
  },
  {
    name: "mcp",
    path: `${library}mcp/`,
    uses: ["hold", "state", "store", "security", "telemetry", "record"],
    packages: [
      "node:",
      "@modelcontextprotocol/server",
      "@opentelemetry/api",
      "@standard-schema/spec",
      "lru-cache",
      "zod",
    ],
  },
  {
    name: "adapters",
    path: `${library}adapters/`,
    uses: ["mcp", "hold", "state", "store", "security", "telemetry", "record"],
    packages: ["node:", "@modelcontextprotocol/server"],
  },
  {
    name: "testing",
    path: `${library}testing/`,
    uses: ["contract", "stores/memory", "store", "record"],
    packages: ["node:"],
  },
  {
    name: "admin",
    path: `${library}admin/`,
    uses: ["state", "open", "store", "security", "record"],
    packages: ["node:"],
  },
  { name: "contract", path: `${library}contract.ts`, uses: ["store", "record"], packages: [] },
  {
    name: "index",
    path: `${library}index.ts`,
    uses: ["mcp", "hold", "state", "open", "store", "security", "telemetry", "record"],
    packages: [],
  },
  {
    name: "server",
    path: "packages/server/src/",
    uses: [],
    packages: [
      "node:",
      "holdfast",
      "@hono/node-server",
      "@modelcontextprotocol/server",
      "@modelcontextprotocol/server-legacy",
      "@opentelemetry/api",
      "@opentelemetry/context-async-hooks",
      "@opentelemetry/exporter-prometheus",
      "@opentelemetry/exporter-trace-otlp-http",
      "@opentelemetry/resources",
      "@opentelemetry/sdk-metrics",
      "@opentelemetry/sdk-trace-base",
      "hono",
      "jose",
      "pino",
      "zod",
    ],
  },
];

/**
 * Doors that must stay light: whatever they import without `import()` reaches no database client. The tools of the ready
 * server are among them, so that no tool ever reaches the privileged door.
 */
export const lightDoors: readonly string[] = [
  `${library}index.ts`,
  `${library}contract.ts`,
  "packages/server/src/tools/registry.ts",
];

/** What a light door must not reach. A trailing slash means a folder. */
export const heavy: readonly string[] = [
  "pg",
  "redis",
  "node:sqlite",
  "@photostructure/sqlite",
  "holdfast/admin",
  `${library}admin/`,
  `${library}stores/`,
  `${library}testing/`,
];

/** Packages that belong to one room alone, however they are named or loaded there: a string is enough to be seen. */
export const guarded: ReadonlyMap<string, string> = new Map([
  ["pg", "stores/postgres"],
  ["redis", "stores/redis"],
  ["node:sqlite", "stores/sqlite"],
  ["@photostructure/sqlite", "stores/sqlite"],
]);

/** Files that may load a module whose name is known only when they run, each with its reason. */
export const computedImports: ReadonlyMap<string, string> = new Map([
  [`${library}stores/postgres/driver.ts`, "an optional peer that neither compilers nor bundlers may insist on"],
  [`${library}stores/redis/driver.ts`, "an optional peer that neither compilers nor bundlers may insist on"],
  [
    `${library}stores/sqlite/packaged-driver.ts`,
    "an optional package that neither compilers nor bundlers may insist on",
  ],
  ["packages/server/src/commands/conformance.ts", "the store that is checked is named on the command line"],
]);
