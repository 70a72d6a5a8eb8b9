import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { holdfast } from "holdfast";

import { browsing } from "./browsing.ts";
import { BrowserPool } from "./pool.ts";

const hold = await holdfast({ store: "sqlite:./browsing.db", sessions: { idle: "30m" } });
const program = fileURLToPath(new URL("browser-process.js", import.meta.url));
const pool = new BrowserPool({ program, max: 20, spare: 2 });
const folder = await mkdtemp(join(tmpdir(), "browsing-"));
const app = browsing(hold, { pool, folder });

const port = Number(process.env["PORT"] ?? 3000);
const server = createServer(app.node);
server.listen(port, "127.0.0.1", () => console.error(`browse at http://127.0.0.1:${port}/mcp`));

process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());

async function stop(): Promise<void> {
  server.close();
  // Calls finish; then every browser and file that sessions have here is closed.
  await app.drain();
  await app.close();
  await hold.close();
  await pool[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}
