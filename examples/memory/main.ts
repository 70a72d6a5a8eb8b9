import { createServer } from "node:http";

import { memories, openMemories } from "./memory.ts";

const hold = await openMemories("sqlite:./memory.db");
const app = memories(hold);

const server = createServer(app.node);
server.listen(3000, "127.0.0.1", () => console.error("remembering at http://127.0.0.1:3000/mcp"));

process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());

async function stop(): Promise<void> {
  server.close();
  await app.drain();
  await app.close();
  await hold.close();
}
