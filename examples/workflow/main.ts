import { createServer } from "node:http";

import { openReleases, releases } from "./workflow.ts";

const hold = await openReleases("sqlite:./releases.db");
const app = releases(hold, async (version) => console.error(`${version} is out`));

const port = Number(process.env["PORT"] ?? 3000);
const server = createServer(app.node);
server.listen(port, "127.0.0.1", () => console.error(`releases are worked on at http://127.0.0.1:${port}/mcp`));

process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());

async function stop(): Promise<void> {
  server.close();
  await app.drain();
  await app.close();
  await hold.close();
}
