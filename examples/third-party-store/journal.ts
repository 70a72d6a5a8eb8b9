/**
 * A file that is only ever added to. Each line is a checksum and one entry as JSON. What a crash cut short has no line
 * break at its end and is cut off, for nobody was told that it was written; anything else that does not fit its checksum
 * is damage, and is refused rather than guessed at.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

import { HoldfastError } from "holdfast/contract";

export class Journal<Entry> {
  readonly #path: string;
  readonly #file: number;

  private constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  /** Opens the file for this process alone and hands over what is in it, oldest first. */
  static open<Entry>(path: string, onEntry: (entry: Entry) => void): Journal<Entry> {
    lock(path);
    try {
      return Journal.#read(path, onEntry);
    } catch (error) {
      unlock(path);
      throw error;
    }
  }

  static #read<Entry>(path: string, onEntry: (entry: Entry) => void): Journal<Entry> {
    const file = openSync(path, "a+", 0o600);
    let sound = 0;
    const lines = readFileSync(path, "utf8").split("\n");
    for (const [index, line] of lines.entries()) {
      // What follows the last line break was cut short, or is nothing.
      if (index === lines.length - 1) break;
      if (!isSound(line)) throw damaged(path, index + 1);
      onEntry(JSON.parse(line.slice(9), reviveMaps) as Entry);
      sound += Buffer.byteLength(line) + 1;
    }
    ftruncateSync(file, sound);
    return new Journal(path, file);
  }

  /** Adds entries and flushes them to the disk, all in one go. */
  append(entries: readonly Entry[]): void {
    const lines = entries.map((entry) => {
      const text = JSON.stringify(entry, plainMaps);
      return `${checksum(text)} ${text}\n`;
    });
    writeSync(this.#file, lines.join(""));
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
    unlock(this.#path);
  }
}

function lock(path: string): void {
  try {
    writeFileSync(`${path}.lock`, String(process.pid), { flag: "wx" });
  } catch (cause) {
    const holder = Number(readFileSync(`${path}.lock`, "utf8"));
    if (holder !== process.pid && isGone(holder)) writeFileSync(`${path}.lock`, String(process.pid));
    else throw new HoldfastError("CONFIGURATION", `${path} is in use by process ${holder}`, { cause });
  }
}

function unlock(path: string): void {
  rmSync(`${path}.lock`, { force: true });
}

function damaged(path: string, line: number): HoldfastError {
  return new HoldfastError("STORE_CORRUPT", `line ${line} of ${path} is damaged: restore a backup`);
}

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

function isSound(line: string): boolean {
  return line.length > 9 && line.slice(0, 8) === checksum(line.slice(9));
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

/** JSON has neither maps nor infinity; a bound at infinity is none. */
function plainMaps(_key: string, value: unknown): unknown {
  if (value instanceof Map) return { $map: [...value] };
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? undefined : value;
}

function reviveMaps(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("$map" in value) || !Array.isArray(value.$map)) return value;
  return new Map(value.$map as [string, unknown][]);
}
