/** Writers in three processes, and somebody who kills: nodes one by one, all nodes at once, the server. */
import { setTimeout as delay } from "node:timers/promises";

import type { Campaign } from "../histories/driver/campaign.ts";
import { Fleet } from "../histories/driver/fleet.ts";
import type { History } from "../histories/history.ts";
import { openDurable } from "../lib/durable-stores.ts";
import { eventually } from "../lib/eventually.ts";
import { type Random, seeded } from "../lib/random.ts";

export const victims = ["node", "all nodes", "server"] as const;
export type Victim = (typeof victims)[number];

export type KillOptions = {
  /** One of the durable stores. */
  readonly store: string;
  readonly seed: number;
  /** How often each is killed. A store without a server has none to kill. */
  readonly kills: Readonly<Record<Victim, number>>;
};

export type Killed = {
  readonly history: History;
  /** Processes and servers killed, and operations so cut off that nobody heard of them at once. */
  readonly kills: number;
  readonly cutOff: number;
  readonly acknowledged: number;
  /** Of those cut off, how many nobody ever heard of. */
  readonly unknown: number;
};

const nodes = 3;
const writersPerNode = 11;
/** So much has to be asked and answered between two kills: each one interrupts real work. */
const bytesBetweenKills = 60_000;
const longestPauseMs = 150;
const recoverMs = 60_000;

export async function killAndRecover({ store: name, seed, kills }: KillOptions): Promise<Killed> {
  await using store = await openDurable(name);
  await using fleet = await Fleet.open({ url: store.url, nodes, writers: writersPerNode });
  const random = seeded(seed);
  const schedule = shuffled(
    victims.flatMap((victim) =>
      Array.from({ length: store.crash === undefined && victim === "server" ? 0 : kills[victim] }, () => victim),
    ),
    random,
  );
  const campaign = fleet.begin(seed, Number.MAX_SAFE_INTEGER);
  let killed = 0;
  for (const victim of schedule) {
    await workDone(campaign, random);
    if (victim === "node") await campaign.killNodes([random.below(nodes)]);
    else if (victim === "all nodes") await campaign.killNodes(Array.from({ length: nodes }, (_, index) => index));
    else await store.crash?.();
    killed += victim === "all nodes" ? nodes : 1;
  }
  // Whoever is left, and whoever came back, goes on by himself.
  await workDone(campaign, random);
  campaign.stop();
  await campaign.done();
  const history = await campaign.close();
  return { history, kills: killed, ...count(history) };
}

async function workDone(campaign: Campaign, random: Random): Promise<void> {
  const enough = campaign.bytesRecorded + bytesBetweenKills;
  await Promise.race([
    eventually("the nodes go on by themselves", () => campaign.bytesRecorded > enough, recoverMs),
    // A node that met what no store may answer says so, rather than the deadline.
    campaign.done().then(() => Promise.reject(new Error("the writers ended before they were told to"))),
  ]);
  await delay(random.below(longestPauseMs));
}

function count(history: History): Pick<Killed, "cutOff" | "acknowledged" | "unknown"> {
  const commits = history.filter(({ request }) => request.what === "commit");
  const cutOff = commits.filter(({ answer }) => answer.kind === "unknown");
  const repeats = history.filter(({ request }) => request.what === "repeat");
  const answered = (kind: "applied" | "refused"): ReadonlySet<string> =>
    new Set(
      repeats.flatMap(({ request, answer }) => (request.what === "repeat" && answer.kind === kind ? [request.of] : [])),
    );
  const [applied, refused] = [answered("applied"), answered("refused")];
  const found = cutOff.filter(({ name }) => applied.has(name)).length;
  const unknown = cutOff.filter(({ name }) => !applied.has(name) && !refused.has(name)).length;
  const acknowledged = commits.filter(({ answer }) => answer.kind === "applied").length + found;
  return { cutOff: cutOff.length, acknowledged, unknown };
}

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, place: random.below(2 ** 31) }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
