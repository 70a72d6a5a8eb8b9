/** One thing `npm run check` looks at. */
export type Step = {
  readonly name: string;
  /** What a reader should think of it as, for the summary. */
  readonly says: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** The step that has to pass first. */
  readonly after?: string;
};

const built = ".cache/build/scripts";

export const steps: readonly Step[] = [
  { name: "types", says: "every package, script and test compiles", command: ["tsc", "-b"] },
  {
    name: "lint",
    says: "oxlint with type-aware rules",
    command: ["oxlint", "--type-aware", "--deny-warnings", "--report-unused-disable-directives"],
  },
  {
    name: "format",
    says: "biome; `npm run format` mends it",
    command: ["biome", "check", "--reporter=summary", "."],
  },
  { name: "walls", says: "who may import whom", command: ["node", `${built}/check-walls.js`] },
  {
    name: "owners",
    says: "no statement, script or key of a store without its owner",
    command: ["node", `${built}/check-owners.js`],
  },
  {
    name: "patterns",
    says: "no regular expression that backtracks",
    command: ["node", `${built}/check-patterns.js`],
  },
  { name: "lengths", says: "no file over 400 lines without a reason", command: ["node", `${built}/check-lengths.js`] },
  { name: "lock", says: "the lock file records no download address", command: ["node", `${built}/check-lock.js`] },
  {
    name: "dependencies",
    says: "each has its row in DEPENDENCIES.md",
    command: ["node", `${built}/check-dependencies.js`],
  },
  { name: "knip", says: "nothing unused, nothing undeclared", command: ["knip"] },
  ...["holdfast", "server"].map((name) => ({
    name: `publint ${name}`,
    says: "the package is put together well",
    command: ["publint", "run", `packages/${name}`, "--strict"] as const,
    after: "types",
  })),
  {
    name: "attw holdfast",
    says: "every entry's types resolve as its code does",
    command: ["attw", "--pack", "packages/holdfast", "--profile", "esm-only", "--no-definitely-typed", "--no-emoji"],
    after: "types",
  },
];
