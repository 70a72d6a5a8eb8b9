/** nginx and HAProxy as the documentation configures them, with its addresses replaced by those of the test. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { findRoot } from "../../tools/root.ts";
import { poll } from "../waiting.ts";
import { freePort, guarded, serverFolder } from "./guarded.ts";
import { foldersOfPath, installedPrograms } from "./installed.ts";

export type LoadBalancerName = "nginx" | "haproxy";

export interface LoadBalancer extends AsyncDisposable {
  /** The MCP endpoint through it. */
  readonly url: string;
}

type Product = {
  readonly file: string;
  readonly debianPackage: string;
  readonly args: (file: string, folder: string) => readonly string[];
  readonly endSignal: NodeJS.Signals;
};

const products: Readonly<Record<LoadBalancerName, Product>> = {
  nginx: {
    file: "nginx.conf",
    debianPackage: "nginx-light",
    args: (file, folder) => ["-p", folder, "-c", file, "-e", "stderr", "-g", "daemon off;"],
    endSignal: "SIGTERM",
  },
  haproxy: {
    file: "haproxy.cfg",
    debianPackage: "haproxy",
    args: (file) => ["-db", "-q", "-f", file],
    endSignal: "SIGTERM",
  },
};

const documentedPort = "127.0.0.1:8080";
const documentedNodes = ["127.0.0.1:3001", "127.0.0.1:3002", "127.0.0.1:3003"];

/** Starts one before exactly three nodes, given as `HOST:PORT`. */
export async function startLoadBalancer(name: LoadBalancerName, nodes: readonly string[]): Promise<LoadBalancer> {
  const { file, args, endSignal } = products[name];
  const command = loadBalancerProgram(name);
  const port = await freePort();
  let text = await readFile(join(await findRoot(), "docs", "deploy", file), "utf8");
  for (const [index, documented] of [documentedPort, ...documentedNodes].entries()) {
    const actual = index === 0 ? `127.0.0.1:${port}` : nodes[index - 1];
    if (actual === undefined || !text.includes(documented)) throw new Error(`${file} does not say ${documented}`);
    text = text.replaceAll(documented, actual);
  }
  const folder = serverFolder(name);
  const configuration = join(folder, file);
  await writeFile(configuration, text);
  const server = guarded({ command, args: args(configuration, folder), folder, endSignal });
  const origin = `http://127.0.0.1:${port}`;
  try {
    await poll(() => answers(`${origin}/readyz`, server.ended), `${name} to pass on requests`, 30_000, 50);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url: `${origin}/mcp`, [Symbol.asyncDispose]: server.stop };
}

/** The program, installed where it is missing and may be. */
export function loadBalancerProgram(name: LoadBalancerName): string {
  return join(programFolder(name, products[name].debianPackage), name);
}

async function answers(url: string, ended: () => boolean): Promise<true | undefined> {
  if (ended()) throw new Error("the balancer ended: what it said stands above");
  const answer = await fetch(url).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true ? true : undefined;
}

function programFolder(name: string, debianPackage: string): string {
  return installedPrograms({
    what: name,
    debianPackages: [debianPackage],
    variable: "PATH",
    // Debian keeps such programs where only root looks.
    find: () => [...foldersOfPath(), "/usr/sbin"].find((folder) => existsSync(join(folder, name))),
  });
}
