/** A cluster of fixture nodes on a store, and how their failure points are armed. */
import type { ServeOptions } from "holdfast";

import { type Cluster, type ClusterNode, startCluster } from "../lib/cluster.ts";
import { startScript } from "../lib/node-process.ts";
import type { FailurePoint } from "./fixture/failure-points.ts";
import type { Inside } from "./fixture/inside.ts";

export type FleetOptions = {
  readonly nodes?: number;
  readonly response?: "auto" | "json" | "sse";
  readonly limits?: NonNullable<ServeOptions["limits"]>;
  /** A file in which tokens are revoked or narrowed (`fixture/auth.ts`). */
  readonly standings?: string;
};

/** Nodes named `node-1`, `node-2` … in the order they were started, restarts included. */
export function startFleet(store: string, options: FleetOptions = {}): Promise<Cluster> {
  const { nodes = 3, response = "auto", limits = {}, standings } = options;
  let started = 0;
  return startCluster((port) => {
    started += 1;
    const args = ["--store", store, "--port", String(port), "--name", `node-${started}`, "--response", response];
    args.push("--limits", JSON.stringify(limits));
    if (standings !== undefined) args.push("--standings", standings);
    return startScript("cluster/fixture/main", { args });
  }, nodes);
}

/** What a node holds at the moment. */
export async function inside({ origin }: ClusterNode): Promise<Inside> {
  const answer = await fetch(`${origin}/inside`);
  // What the fixture answers there is this.
  return (await answer.json()) as Inside;
}

/** What a commit must hold for a point to be reached. The log's entries are `STREAM TAG PAYLOAD`. */
const commits = {
  /** The stream's last entry: a call's result. */
  result: '"\\S+ last ',
  /** A question that was sent to the client. */
  question: "elicitation/create",
  /** The count of a tool that is about to answer. */
  count: '"counters":\\[\\{"name":"talks"',
} as const;

/** The commit that opens a session's own stream: nothing of its answer is out by then. */
export const beforeTheHead = { when: "after", commit: " listen " } as const;

export type NamedPoint =
  | "before the result is committed"
  | "after the result is committed"
  | "after the question is committed"
  | "after the effect is committed";

const points: Readonly<Record<NamedPoint, Omit<FailurePoint, "signal">>> = {
  "before the result is committed": { when: "before", commit: commits.result },
  "after the result is committed": { when: "after", commit: commits.result },
  "after the question is committed": { when: "after", commit: commits.question },
  "after the effect is committed": { when: "after", commit: commits.count },
};

/** From now on the node ends (or hangs) the first time it comes to the point. */
export async function failAt(
  node: ClusterNode,
  point: NamedPoint | Omit<FailurePoint, "signal">,
  signal: FailurePoint["signal"] = "SIGKILL",
): Promise<void> {
  const where = typeof point === "string" ? points[point] : point;
  const armed: FailurePoint = { ...where, signal };
  const answer = await fetch(`${node.origin}/failure`, { method: "POST", body: JSON.stringify(armed) });
  if (!answer.ok) throw new Error(`the failure point was refused: ${answer.status}`);
}
