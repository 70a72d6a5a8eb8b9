import { createServer } from "node:http";

import { memories, openMemories } from "./memory.ts";

const hold = await openMemories("sqlite:./memory.db");
const app = memories(hold);

const port = Number(process.env["PORT"] ?? 3000);
const server = createServer(app.node);
server.listen(port, "127.0.0.1", () => console.error(`remembering at http://127.0.0.1:${port}/mcp`));

process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());

async function stop(): Promise<void> {
  server.close();
  await app.drain();
  await app.close();
  await hold.close();
}
