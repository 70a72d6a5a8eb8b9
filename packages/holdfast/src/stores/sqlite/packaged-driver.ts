/** The driver for runtimes without a recent SQLite of their own: Node 20, and early releases of 22 and 24. */
import { HoldfastError } from "../../record/errors.ts";
import type { DriverModule } from "./client.ts";

export async function loadPackagedDriver(): Promise<DriverModule> {
  // A name in a variable keeps type checkers and bundlers from requiring what is optional.
  const name: string = "@photostructure/sqlite";
  try {
    // The package promises the `node:sqlite` API; its own types would leak into ours.
    const loaded = (await import(name)) as DriverModule & { readonly default?: DriverModule };
    return loaded.DatabaseSync === undefined && loaded.default !== undefined ? loaded.default : loaded;
  } catch (cause) {
    throw new HoldfastError(
      "CONFIGURATION",
      `the SQLite store needs a driver on Node ${process.versions.node}: npm install @photostructure/sqlite@^1.2.1 ` +
        "(or run on a Node that bundles SQLite 3.51.3 or newer)",
      { cause },
    );
  }
}
