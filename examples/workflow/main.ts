import { createServer } from "node:http";

import { openReleases, releases } from "./workflow.ts";

const hold = await openReleases("sqlite:./releases.db");
const app = releases(hold, async (version) => console.error(`${version} is out`));

const server = createServer(app.node);
server.listen(3000, "127.0.0.1", () => console.error("releases are worked on at http://127.0.0.1:3000/mcp"));

process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());

async function stop(): Promise<void> {
  server.close();
  await app.drain();
  await app.close();
  await hold.close();
}
