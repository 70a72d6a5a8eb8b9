/** Many odd inputs against the built server, and what has to hold whatever they are. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { textOf, valueOf } from "../clients/caller.ts";
import { seeded } from "../lib/random.ts";
import { removeFolder, runServer, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";
import { complaint, exchange } from "./exchange.ts";
import { request } from "./grammar.ts";
import { soundRequest } from "./sound.ts";
import { watchStalls } from "./stalls.ts";

const atOnce = 24;
/** Inputs that are sent again, all of them, where the server stalled in their midst. */
const batchSize = 2_000;
const maxStallMs = 250;
/** A stall counts if each of so many tries has one: others load the machine too. */
const stallTries = 3;
const marker = "marker-of-somebody-else";
const tokens = { "mallory-0123456789": { subject: "mallory" }, "alice-0123456789ab": { subject: "alice" } };
const [mallory = "", alice = ""] = Object.keys(tokens);
const principals = Object.keys(tokens).length;
/** What nodes keep for themselves, under owners of the engine. */
const ofTheEngine = new Set(["holdfast.node", "holdfast.reaper", "holdfast.events"]);

export type FuzzOptions = {
  readonly inputs: number;
  readonly seed: number;
  /** Default: a SQLite file of its own. */
  readonly store?: string;
  /** Ends early then, by `performance.now()`. */
  readonly until?: number;
};

export type FuzzResult = {
  readonly inputs: number;
  /** What should not be; empty where all is well. */
  readonly complaints: readonly string[];
  /** How often each status was answered, and `tool` for those in which a tool said something. */
  readonly statuses: ReadonlyMap<string, number>;
  readonly longestStallMs: number;
};

export async function fuzz({
  inputs,
  seed,
  store,
  until = Number.POSITIVE_INFINITY,
}: FuzzOptions): Promise<FuzzResult> {
  const dir = await temporaryFolder();
  const url = store ?? `sqlite:${join(dir, "state.db")}`;
  try {
    const file = join(dir, "tokens.json");
    await writeFile(file, JSON.stringify(tokens), { mode: 0o600 });
    const stalls = await watchStalls(dir);
    const args = ["--auth-tokens", file, "--max-sessions", "400", "--max-bytes", "16MiB"];
    await using server = await startServer({ dir, store: url, args, env: stalls.env });
    await leaveMarker(server);
    // Loading the program takes long, and is nobody's input.
    await stalls.longestMs();
    const state: State = { server, sessions: [], statuses: new Map(), complaints: [], granted: 0 };
    let [sent, longest] = [0, 0];
    while (sent < inputs && state.complaints.length === 0 && performance.now() < until) {
      const count = Math.min(batchSize, inputs - sent);
      const seen: number[] = [];
      do {
        await batch(state, seed + sent, count);
        seen.push(await stalls.longestMs());
      } while (seen.at(-1) !== undefined && (seen.at(-1) ?? 0) > maxStallMs && seen.length < stallTries);
      longest = Math.max(longest, Math.min(...seen));
      if (Math.min(...seen) > maxStallMs) {
        state.complaints.push(
          `the event loop did not turn for ${seen.map(Math.round).join(", ")} ms in inputs ${seed + sent}`,
        );
      }
      sent += count;
    }
    state.complaints.push(...(await complaintsOfLife(state)), ...(await complaintsOfStore(state, url, dir)));
    return { inputs: sent, complaints: state.complaints, statuses: state.statuses, longestStallMs: longest };
  } finally {
    await removeFolder(dir);
  }
}

type State = {
  readonly server: ServerProcess;
  readonly sessions: string[];
  readonly statuses: Map<string, number>;
  readonly complaints: string[];
  granted: number;
};

/** What the other principal has, and must not come to see. */
async function leaveMarker({ url }: ServerProcess): Promise<void> {
  await using owner = await connect(url, "2026", alice);
  const session_id = textOf(await valueOf(owner.call("create_session", { label: marker })), "session_id");
  await valueOf(owner.call("set_session_data", { session_id, key: "key", value: marker }));
}

async function batch(state: State, seed: number, count: number): Promise<void> {
  const { host, port } = new URL(state.server.url);
  const random = seeded(seed);
  let left = count;
  const work = async (): Promise<void> => {
    while (left > 0 && state.complaints.length === 0) {
      left -= 1;
      const around = { host, token: mallory, sessions: state.sessions };
      const bytes = random.below(3) === 0 ? soundRequest(random, around) : request(random, around);
      const answer = await exchange(Number(port), bytes);
      const found = complaint(answer, marker);
      if (found !== undefined) {
        state.complaints.push(`${found}\n${bytes.toString("latin1")}\n=>\n${answer.slice(0, 2_000)}`);
      }
      const status = answer.slice(9, 12);
      state.statuses.set(status, (state.statuses.get(status) ?? 0) + 1);
      if (answer.includes('"structuredContent"')) state.statuses.set("tool", (state.statuses.get("tool") ?? 0) + 1);
      // Ended by another input: what is sent to it from now on is only turned away.
      if (status === "404") forget(state.sessions, bytes);
      const id = /^mcp-session-id: (\S+)\r$/im.exec(answer)?.[1];
      if (id === undefined || !answer.startsWith("HTTP/1.1 200") || !answer.includes('"protocolVersion"')) continue;
      state.granted += 1;
      if (state.sessions.length < 20) state.sessions.push(id);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

function forget(sessions: string[], bytes: Buffer): void {
  const at = sessions.findIndex((id) => bytes.includes(id));
  if (at >= 0) sessions.splice(at, 1);
}

async function complaintsOfLife({ server }: State): Promise<readonly string[]> {
  const health = await fetch(`${server.origin}/healthz`).catch((error: unknown) => error);
  if (!(health instanceof Response)) return [`the server does not answer any more:\n${server.stderr().slice(-2_000)}`];
  await health.body?.cancel();
  return health.status === 200 ? [] : [`/healthz answers ${health.status}`];
}

/** What was refused has stored nothing, and nobody came to own anything who did not call. */
async function complaintsOfStore({ granted, statuses }: State, store: string, dir: string): Promise<readonly string[]> {
  const run = await runServer({ args: ["records", "--json", "--limit", "10000", "--store", store], cwd: dir });
  const { records } = JSON.parse(run.stdout) as {
    readonly records: readonly { readonly kind: string; readonly owner: string; readonly state: string }[];
  };
  const wires = records.filter(({ kind, state }) => kind === "holdfast.transport" && state === "live").length;
  const owned = new Map<string, Set<string>>();
  for (const { owner, kind } of records) owned.set(owner, (owned.get(owner) ?? new Set()).add(kind));
  const callers = [...owned.values()].filter((kinds) => [...kinds].some((kind) => !ofTheEngine.has(kind)));
  const found: string[] = [];
  // Who gave up before an answer came may have been granted one as well.
  const unheard = statuses.get("") ?? 0;
  if (wires > granted + unheard) found.push(`${wires} sessions lie in the store, ${granted} were granted`);
  if (callers.length > principals) {
    const kinds = callers.map((of) => [...of].join(" "));
    found.push(`${callers.length} callers own something, of ${principals}: ${kinds.join("; ")}`);
  }
  return found;
}
