/** The files in deploy/, as far as they can be tried without a container engine or a cluster. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import * as z from "zod";

import { foldersOfPath } from "../lib/servers/installed.ts";
import { loadBalancerProgram } from "../lib/servers/load-balancers.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const deploy = join(root, "deploy");
const read = (path: string): Promise<string> => readFile(join(deploy, path), "utf8");

/** Drain, then what a node waits for its balancers, then the closing. */
const leastGraceSeconds = 25 + 3 + 5;

async function everyFile(): Promise<readonly string[]> {
  const entries = await readdir(deploy, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

function program(name: string): string | undefined {
  const folders = [...foldersOfPath(), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

async function documents(path: string): Promise<readonly unknown[]> {
  return parseAllDocuments(await read(path), { merge: true }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as unknown;
  });
}

describe("every file", () => {
  it("sets only settings that there are", async () => {
    const readme = await readFile(join(root, "packages/server/README.md"), "utf8");
    const settings = new Set([...readme.matchAll(/`(HOLDFAST_[A-Z_]+)`/g)].map(([, name]) => name));
    const found = new Set<string>();
    for (const path of await everyFile()) {
      for (const [name] of (await readFile(path, "utf8")).matchAll(/HOLDFAST_[A-Z_]+/g)) found.add(name);
    }
    expect(found.size).toBeGreaterThan(4);
    expect([...found].filter((name) => !settings.has(name))).toEqual([]);
  });

  it("asks for paths that are served", async () => {
    for (const path of await everyFile()) {
      const probes = [...(await readFile(path, "utf8")).matchAll(/\/(?:healthz|readyz|health|ready|livez|status)\b/g)];
      for (const [probe] of probes)
        expect([path, probe]).toEqual([path, expect.stringMatching(/^\/(healthz|readyz)$/)]);
    }
  });
});

describe("the Dockerfile", () => {
  it("builds in stages, copies what there is, and ends as nobody special with a health check", async () => {
    const lines = (await read("docker/Dockerfile")).replaceAll("\\\n", " ").split("\n");
    const instruction = (name: string): readonly string[] => lines.filter((line) => line.startsWith(`${name} `));
    expect(instruction("FROM").length).toBe(2);
    expect(instruction("USER")).toEqual(["USER node"]);
    expect(lines.indexOf("USER node")).toBeLessThan(lines.findIndex((line) => line.startsWith("ENTRYPOINT")));
    expect(instruction("HEALTHCHECK").join()).toContain("/readyz");
    // The last stage holds nothing of the sources.
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
    expect(last.filter((line) => line.startsWith("COPY ") && !line.includes("--from=build"))).toEqual([]);
    expect(existsSync(join(root, ".dockerignore"))).toBe(true);
  });
});

const Service = z.object({ stop_grace_period: z.string().optional(), build: z.unknown().optional() });
const Compose = z.object({ services: z.record(z.string(), Service) });

describe("the compose files", () => {
  it.each([
    ["compose/single.yml", 1],
    ["compose/three-nodes.yml", 3],
  ])("%s has %d nodes, which are given time to drain", async (path, count) => {
    const [document] = await documents(path);
    const { services } = Compose.parse(document);
    const nodes = Object.values(services).filter(({ build }) => build !== undefined);
    expect(nodes.length).toBe(count);
    for (const { stop_grace_period } of nodes) {
      expect(Number.parseInt(stop_grace_period ?? "0", 10)).toBeGreaterThan(leastGraceSeconds);
    }
  });

  it("have a balancer that HAProxy can read, with each node in it", async () => {
    const config = await read("compose/haproxy.cfg");
    for (const node of ["node-1", "node-2", "node-3"]) {
      expect(config.match(new RegExp(`^  server \\w+ ${node}:3000`, "gm"))).toHaveLength(2);
    }
    const haproxy = loadBalancerProgram("haproxy");
    const { status, stderr } = spawnSync(haproxy, ["-c", "-f", join(deploy, "compose/haproxy.cfg")], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("[ALERT]")]);
  });

  it("have a balancer that lacks nothing of the one in the documentation, which is tried with kills", async () => {
    const printed = directives(await readFile(join(root, "docs/deploy/haproxy.cfg"), "utf8"));
    const composed = directives(await read("compose/haproxy.cfg"));
    expect(printed.length).toBeGreaterThan(20);
    expect(printed.filter((each) => !composed.some((other) => other.startsWith(each)))).toEqual([]);
  });
});

/** What a configuration of HAProxy says, each with its section in front, but for the addresses. */
function directives(config: string): readonly string[] {
  let section = "";
  return config.split("\n").flatMap((line) => {
    if (/^[a-z]/.test(line)) section = line;
    const directive = line.trim().replace(/^(server \w+) \S+/, "$1");
    return /^( *#|[a-z]|$)/.test(line) || directive.startsWith("bind ") ? [] : [`${section}: ${directive}`];
  });
}

const Manifest = z.looseObject({ kind: z.string(), spec: z.looseObject({}) });
const Deployment = z.object({
  spec: z.looseObject({
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.looseObject({ runAsNonRoot: z.literal(true) }),
        containers: z.array(
          z.looseObject({
            readinessProbe: z.looseObject({ httpGet: z.object({ path: z.literal("/readyz"), port: z.string() }) }),
            livenessProbe: z.looseObject({ httpGet: z.object({ path: z.literal("/healthz"), port: z.string() }) }),
            ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
          }),
        ),
      }),
    }),
  }),
});

describe("the Kubernetes manifests", () => {
  it("have a deployment with probes and a drain, a service, a budget for disruptions and an autoscaler", async () => {
    const manifests = (await documents("kubernetes/holdfast.yaml")).map((document) => Manifest.parse(document));
    expect(manifests.map(({ kind }) => kind)).toEqual([
      "Deployment",
      "Service",
      "PodDisruptionBudget",
      "HorizontalPodAutoscaler",
    ]);
    const { spec } = Deployment.parse(manifests[0]);
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(leastGraceSeconds);
    for (const other of [manifests[1]?.spec["selector"], manifests[2]?.spec["selector"]]) {
      expect(JSON.stringify(other)).toContain(JSON.stringify(spec.selector.matchLabels).slice(1, -1));
    }
  });

  it("scale on a metric that there is", async () => {
    const docs = await readFile(join(root, "docs/metrics.md"), "utf8");
    const [, , , autoscaler] = await documents("kubernetes/holdfast.yaml");
    const [, name = ""] = /"metric":\{"name":"([a-z_]+)"/.exec(JSON.stringify(autoscaler)) ?? [];
    expect(docs).toContain(`\`${name.replaceAll("_", ".")}\``);
    expect(await read("kubernetes/custom-metrics.yaml")).toContain(name);
  });
});

describe("the systemd unit", () => {
  it("is one that systemd takes, and gives a drain its time", async (context) => {
    const unit = await read("systemd/holdfast.service");
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(leastGraceSeconds);
    const analyze = program("systemd-analyze");
    if (analyze === undefined) return context.skip("there is no systemd here");
    const checked = spawnSync(analyze, ["verify", join(deploy, "systemd/holdfast.service")], { encoding: "utf8" });
    expect([checked.status, checked.stderr]).toEqual([0, ""]);
  });
});
