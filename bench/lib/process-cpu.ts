import { readdir, readFile } from "node:fs/promises";

/** The kernel counts in hundredths of a second wherever Node runs on Linux. */
const tickMs = 10;

type Stat = { readonly parent: number; readonly ticks: number };

/** What a process and its children have used of processors, in milliseconds; undefined where `/proc` does not say. */
export async function processorMs(pid: number): Promise<number | undefined> {
  const names = await readdir("/proc").catch(() => []);
  const stats = new Map<number, Stat>();
  for (const name of names) {
    const stat = /^\d+$/.test(name) ? await statOf(name) : undefined;
    if (stat !== undefined) stats.set(Number(name), stat);
  }
  if (!stats.has(pid)) return undefined;
  let ticks = 0;
  for (const [id, stat] of stats) if (isWithin(id, pid, stats)) ticks += stat.ticks;
  return ticks * tickMs;
}

async function statOf(pid: string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field is a name, in brackets, with whatever it likes in it.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields === undefined) return undefined;
  const [, parent, ...rest] = fields.map(Number);
  // Its own time, then that of children that are gone.
  const ticks = rest.slice(9, 13).reduce((sum, value) => sum + value, 0);
  return { parent: parent ?? 0, ticks };
}

function isWithin(pid: number, root: number, stats: ReadonlyMap<number, Stat>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = stats.get(at)?.parent) {
    if (at === root) return true;
  }
  return false;
}
