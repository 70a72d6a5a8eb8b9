import { createServer } from "node:http";

import { openShop, shop } from "./shop.ts";

const hold = await openShop("sqlite:./shop.db");
const app = shop(hold);

const port = Number(process.env["PORT"] ?? 3000);
const server = createServer(app.node);
server.listen(port, "127.0.0.1", () => console.error(`the shop is open at http://127.0.0.1:${port}/mcp`));

process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());

async function stop(): Promise<void> {
  server.close();
  await app.drain();
  await app.close();
  await hold.close();
}
