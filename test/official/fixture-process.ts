import { join } from "node:path";

import { type NodeProcess, startScript } from "../lib/node-process.ts";
import { removeFolder, temporaryFolder } from "../lib/server-process.ts";

export type FixtureProcessOptions = {
  /** Default: an SQLite file of its own. */
  readonly store?: string | undefined;
  /** Pin answers to SSE. Default: JSON unless something streams. */
  readonly sse?: boolean | undefined;
  /** Default: any free port. */
  readonly port?: number | undefined;
  /** The key of its `requestState`, which several nodes have to share. Default: one of its own. */
  readonly key?: string | undefined;
};

/** The built fixture, on the Node that runs this. Its stderr has every error that a client was told of only in general words. */
export async function startFixtureProcess(options: FixtureProcessOptions = {}): Promise<NodeProcess> {
  const dir = await temporaryFolder();
  const { store = `sqlite:${join(dir, "state.db")}`, port = 0, sse = false, key } = options;
  const args = ["--store", store, "--port", String(port)];
  if (sse) args.push("--sse");
  if (key !== undefined) args.push("--key", key);
  const fixture = await startScript("official/fixture/main", { cwd: dir, args });
  return {
    ...fixture,
    async [Symbol.asyncDispose]() {
      await fixture.stop();
      await removeFolder(dir);
    },
  };
}
