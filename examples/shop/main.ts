import { createServer } from "node:http";

import { openShop, shop } from "./shop.ts";

const hold = await openShop("sqlite:./shop.db");
const app = shop(hold);

const server = createServer(app.node);
server.listen(3000, "127.0.0.1", () => console.error("the shop is open at http://127.0.0.1:3000/mcp"));

process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());

async function stop(): Promise<void> {
  server.close();
  await app.drain();
  await app.close();
  await hold.close();
}
