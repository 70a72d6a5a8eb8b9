import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

import { LongestFirst } from "./test/setup/longest-first.ts";

const src = fileURLToPath(new URL("./packages/holdfast/src/", import.meta.url));

/** Unit tests of every package see the library's sources, so that no build has to come first. */
const librarySources = [
  { find: /^holdfast$/, replacement: `${src}index.ts` },
  { find: /^holdfast\/admin$/, replacement: `${src}admin/index.ts` },
  { find: /^holdfast\/testing$/, replacement: `${src}testing/index.ts` },
  { find: /^holdfast\/oauth$/, replacement: `${src}security/oauth/index.ts` },
  { find: /^holdfast\/contract$/, replacement: `${src}contract.ts` },
  { find: /^holdfast\/stores\/([a-z]+)$/, replacement: `${src}stores/$1/index.ts` },
];

/** Tests that need a server; it is started for them, and only if one of them runs. */
const postgresTests = "packages/holdfast/src/stores/postgres/**/*.test.ts";
const redisTests = "packages/holdfast/src/stores/redis/**/*.test.ts";
const tieredTests = "packages/holdfast/src/stores/tiered/**/*.test.ts";

/**
 * What all tests beside the sources share. Two files at a time, in processes that go on to the next file: starting one
 * for each took longer than most files do. No module holds state, and each file gives back what it opened.
 */
const besideTheSource = {
  setupFiles: ["test/setup/leaks.ts"],
  // Long enough for a machine that others load as well: how long a test takes is not what it tests.
  testTimeout: 60_000,
  hookTimeout: 60_000,
  maxWorkers: 2,
  isolate: false,
  sequence: { groupOrder: 0 },
};

/** Where a machine-readable report goes, for those who count. */
const report = process.env["HOLDFAST_TEST_REPORT"];

export default defineConfig({
  test: {
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        resolve: { alias: librarySources },
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts", "bench/**/*.test.ts"],
          exclude: [postgresTests, redisTests, tieredTests],
          ...besideTheSource,
        },
      },
      {
        resolve: { alias: librarySources },
        test: {
          name: "postgres",
          include: [postgresTests],
          globalSetup: ["test/setup/postgres.ts"],
          ...besideTheSource,
        },
      },
      {
        resolve: { alias: librarySources },
        test: {
          name: "redis",
          include: [redisTests],
          globalSetup: ["test/setup/redis.ts"],
          ...besideTheSource,
        },
      },
      {
        resolve: { alias: librarySources },
        test: {
          name: "tiered",
          include: [tieredTests],
          globalSetup: ["test/setup/postgres.ts", "test/setup/redis.ts"],
          ...besideTheSource,
        },
      },
      {
        test: {
          name: "process",
          include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
          globalSetup: ["test/setup/build.ts"],
          setupFiles: ["test/setup/leaks.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Much of their time is spent on waiting for processes: two files at a time take little longer than one.
          maxWorkers: 2,
          // What is declared concurrent in a file mostly waits for deadlines, too.
          maxConcurrency: 40,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
