/** The compose file of the example, as far as it goes without a container engine: what its containers run, runs. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import * as z from "zod";

import { openDurable } from "../lib/durable-stores.ts";
import { removeFolder, startServer, temporaryFolder } from "../lib/server-process.ts";
import { loadBalancerProgram } from "../lib/servers/load-balancers.ts";
import { connect } from "../server/connect.ts";

const folder = fileURLToPath(new URL("../../examples/cluster/", import.meta.url));

const Service = z.object({
  command: z.string().optional(),
  environment: z.record(z.string(), z.string()).optional(),
  configs: z.array(z.object({ source: z.string(), target: z.string() })).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).default([]),
  stop_grace_period: z.string().optional(),
});
const Compose = z.object({
  services: z.record(z.string(), Service),
  configs: z.record(z.string(), z.object({ content: z.string() })),
  volumes: z.record(z.string(), z.unknown()),
});

async function readCompose(): Promise<z.infer<typeof Compose>> {
  const document = parseDocument(await readFile(join(folder, "compose.yaml"), "utf8"), { merge: true });
  expect(document.errors).toEqual([]);
  return Compose.parse(document.toJS());
}

describe("the compose file of the example", () => {
  it("names nothing that it has not, and gives nodes the time of a drain", async () => {
    const { services, configs, volumes } = await readCompose();
    for (const { depends_on, configs: used, volumes: mounts, stop_grace_period, command } of Object.values(services)) {
      const needed = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
      expect(Object.keys(services)).toEqual(expect.arrayContaining(needed));
      expect(Object.keys(configs)).toEqual(expect.arrayContaining(used.map(({ source }) => source)));
      for (const [from = ""] of mounts.map((mount) => mount.split(":"))) {
        expect(from.startsWith(".") ? existsSync(join(folder, from)) : from in volumes, from).toBe(true);
      }
      if (command?.includes("holdfast.js")) expect(Number.parseInt(stop_grace_period ?? "0", 10)).toBeGreaterThan(33);
    }
  });

  it("has nodes that start with their command line and take the token that it names", async () => {
    const { services, configs } = await readCompose();
    const { command = "", environment, configs: used } = services["node1"] ?? Service.parse({});
    await using store = await openDurable(new URL(environment?.["HOLDFAST_STORE"] ?? "").protocol.slice(0, -1));
    const dir = await temporaryFolder();
    const [{ source, target } = { source: "", target: "" }] = used;
    const tokens = join(dir, "tokens.json");
    await writeFile(tokens, configs[source]?.content ?? "", { mode: 0o600 });
    const args = command.replace(target, tokens).split(" ");
    expect(args.slice(0, 3)).toEqual(["node", "packages/server/bin/holdfast.js", "serve"]);
    await using server = await startServer({ store: store.url, dir, args: args.slice(3) });
    const url = `http://127.0.0.1:${server.port}/mcp`;
    await using connection = await connect(url, "2025", Object.keys(JSON.parse(configs[source]?.content ?? "{}"))[0]);
    expect(await connection.call("create_session")).toMatchObject({ ok: true });
    await server.stop();
    await removeFolder(dir);
  });

  it("has a balancer whose command line makes a configuration that HAProxy takes", async () => {
    const { services } = await readCompose();
    const { command = "", volumes } = services["balancer"] ?? Service.parse({});
    const dir = await temporaryFolder();
    const [from = "", to = ""] = volumes[0]?.split(":") ?? [];
    // The same in a folder of ours, checked rather than run. Its names are known to nobody here, which "-dr" takes.
    const here = command
      .replaceAll("/tmp/", `${dir}/`)
      .replace(` ${to} `, ` ${join(folder, from)} `)
      .replace("exec haproxy", `exec ${loadBalancerProgram("haproxy")} -dr -c`);
    const { status, stderr } = spawnSync("sh", ["-c", here], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("[ALERT]")]);
    const made = await readFile(join(dir, "haproxy.cfg"), "utf8");
    for (const name of ["node1", "node2", "node3"]) {
      expect(services).toHaveProperty(name);
      expect(made.match(new RegExp(`server ${name} ${name}:3000\\b`, "g"))).toHaveLength(2);
    }
    expect(made).not.toContain("127.0.0.1");
    await removeFolder(dir);
  });
});
