import { existsSync, realpathSync, statfsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type HoldfastError, isHoldfastError, type Store } from "holdfast/contract";

import { isForeign } from "../../sealing/foreign.ts";
import { withoutPassword } from "../../settings/without-password.ts";
import { openNamed } from "../open-store.ts";
import { bad, type Finding, good, warning } from "./check.ts";
import { checkContent } from "./content.ts";

const littleDiskBytes = 1024 ** 3;
const skewWarningMs = 1_000;
const skewBadMs = 60_000;

export async function checkStore(url: string, signal: AbortSignal): Promise<readonly Finding[]> {
  const place = withoutPassword(url);
  const path = url.startsWith("sqlite:") ? resolve(url.slice("sqlite:".length)) : undefined;
  if (path !== undefined && !existsSync(path)) {
    const seen = `${place} is not there yet`;
    return [warning("store", seen, "nothing, if this is new: serve makes it"), ...checkDisk(dirname(path))];
  }
  try {
    await using store = await openNamed(url);
    const disk = path === undefined ? [] : [...checkFile(path), ...checkDisk(dirname(path))];
    return [...(await checkHealth(store, place, signal)), ...disk, ...(await checkContent(store, signal))];
  } catch (error) {
    if (!isHoldfastError(error) || error.code === "ABORTED") throw error;
    return [bad("store", error.message, remedyOf(error, path))];
  }
}

function remedyOf({ code, details }: HoldfastError, path: string | undefined): string {
  switch (code) {
    case "SCHEMA_MISMATCH":
      // PostgreSQL has no such table or function, though its schema's number says that it was made.
      if (details["sqlState"] !== undefined) return "restore a backup: what holdfast had made there was dropped";
      return "update holdfast: a newer release has written this store";
    case "STORE_FULL":
      return path === undefined
        ? "give it more room: maxmemory of Redis, the disk of PostgreSQL"
        : "make room on the disk";
    case "STORE_UNSAFE":
      return "change the setting that is named";
    case "STORE_CORRUPT":
      return "restore a backup; keep the damaged file";
    case "UNAVAILABLE":
      if (path !== undefined) return `see who may write there: ls -la ${dirname(path)}`;
      return "see that it runs and can be reached from here";
    default:
      return "correct --store";
  }
}

async function checkHealth(store: Store, place: string, signal: AbortSignal): Promise<readonly Finding[]> {
  const { name, durability, shared } = store.traits;
  const before = Date.now();
  const { at } = await store.admin.scan({ limit: 1, signal });
  const tookMs = Date.now() - before;
  const health = await store.health({ signal });
  const known = Object.entries(health.details).map(([key, value]) => `${key} ${value.toString()}`);
  const findings: Finding[] = [
    health.ok
      ? good("store", `${place} (${name}), answers in ${tookMs} ms`)
      : bad("store", `${place} says it is not well`, health.warnings[0] ?? "see its log"),
    good("durability", health.durability),
    good("store details", known.join(", ")),
  ];
  for (const seen of health.warnings)
    findings.push(warning("store", seen, "serve starts all the same; mend it where the store is run"));
  if (durability === "none") {
    findings.push(
      warning("durability", "nothing survives the end of the process", "use --store sqlite:PATH or postgres://…"),
    );
  }
  if (!shared) findings.push(warning("store", "no other process sees it", "run one server only"));
  return [...findings, checkClock(at, before, before + tookMs)];
}

/** The store's clock decides expiry; ours is in logs and tokens. */
function checkClock(at: number, before: number, after: number): Finding {
  const skew = at < before ? at - before : at > after ? at - after : 0;
  const seen =
    skew === 0
      ? "the store's agrees with ours"
      : `the store's is ${Math.abs(skew)} ms ${skew < 0 ? "behind" : "ahead of"} ours`;
  const remedy = "run time synchronisation (NTP) on both machines";
  if (Math.abs(skew) >= skewBadMs) return bad("clock", seen, remedy);
  return Math.abs(skew) >= skewWarningMs ? warning("clock", seen, remedy) : good("clock", seen);
}

/** The database, and what lies beside it: that its owner alone can read it, and nobody else put it there. */
export function checkFile(path: string): readonly Finding[] {
  if (process.platform === "win32") return [];
  const mode = statSync(path).mode & 0o777;
  const seen = `${path} has mode ${mode.toString(8)}`;
  const findings = (mode & 0o077) === 0 ? [good("file", seen)] : [];
  for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}.keys.json`]) {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) continue;
    const has = `${file} has mode ${(found.mode & 0o777).toString(8)}`;
    if (isForeign(found, statSync(dirname(file)))) {
      const seen = `${file} belongs to another user (${found.uid})`;
      findings.push(warning("file", seen, "make sure that it is the one that was there, then chown it"));
    }
    if ((found.mode & 0o077) !== 0) findings.push(warning("file", has, `others can read it: chmod 600 ${file}`));
  }
  return [...findings, ...checkFolder(path)];
}

/** Who may write there can put another file in the place of each. */
function checkFolder(path: string): readonly Finding[] {
  const folder = dirname(realpathSync(path));
  const mode = statSync(folder).mode & 0o7777;
  if ((mode & 0o002) === 0) return [];
  const seen = `${folder}, where the file lies, has mode ${mode.toString(8)}`;
  return [warning("file", seen, "others can put files of theirs beside it: give it a folder of its own, chmod 700")];
}

function checkDisk(folder: string): readonly Finding[] {
  if (!existsSync(folder)) return [];
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const seen = `${(free / 1024 ** 3).toFixed(1)} GiB free where the file lies`;
  return [
    free >= littleDiskBytes ? good("disk", seen) : warning("disk", seen, "make room: a full disk refuses writes"),
  ];
}
