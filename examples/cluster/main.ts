/**
 * `npm start`: three nodes, each a process, on one store, behind a balancer. Whatever becomes of a node, it is started
 * again. The same file is the node, when it is given a number.
 */
import { fork } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { roundRobin } from "./balancer.ts";
import { openCounting } from "./counting.ts";

const store = process.env["STORE"] ?? "sqlite:./cluster.db";
const port = Number(process.env["PORT"] ?? 3000);
const nodes = [1, 2, 3];

const number = process.argv[2];
if (number === undefined) startAll();
else await runNode(Number(number));

function startAll(): void {
  let ending = false;
  const start = (node: number): void => {
    const child = fork(fileURLToPath(import.meta.url), [String(node)]);
    const stop = (): void => void child.kill("SIGTERM");
    process.once("SIGTERM", stop).once("SIGINT", stop);
    console.log(`node ${node} is process ${child.pid}`);
    child.once("exit", () => {
      process.off("SIGTERM", stop).off("SIGINT", stop);
      if (!ending) setTimeout(start, 500, node);
    });
  };
  for (const node of nodes) start(node);
  const balancer = roundRobin(nodes.map((node) => port + node)).listen(port, "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${port}/mcp`);
  });
  const end = (): void => {
    ending = true;
    balancer.close();
    balancer.closeIdleConnections();
  };
  process.once("SIGTERM", end).once("SIGINT", end);
}

async function runNode(node: number): Promise<void> {
  const { app, [Symbol.asyncDispose]: close } = await openCounting(store, `node ${node}`);
  const server = createServer(app.node).listen(port + node, "127.0.0.1");
  const end = async (): Promise<void> => {
    // Refuses what is new, lets calls finish and hands streams over, before the port closes.
    await app.drain();
    server.close();
    await close();
    process.disconnect?.();
  };
  process.once("SIGTERM", () => void end()).once("disconnect", () => void end());
  // The terminal sends it to all of us; the parent passes on what counts.
  process.on("SIGINT", () => {});
}
