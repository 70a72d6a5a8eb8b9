/**
 * Waking listeners. Inside the process a hint is handed on as it is. Across processes it is only known that something
 * happened: another process's commit shows in `data_version`, looked at when the WAL file was touched and now and then
 * besides; a bare hint touches a small file beside the database. Nothing here runs while nobody listens.
 */
import { randomBytes } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

import type { HintListener } from "../../store/contract.ts";
import { openSmall } from "./file.ts";

export type HintsOptions = {
  /** The database file. */
  readonly path: string;
  readonly pollMs: number;
  /** Differs from the last answer if other connections have committed meanwhile. May throw: looked at again later. */
  readonly dataVersion: () => number;
};

type Subscription = { readonly listener: HintListener };

/** Touches within this long are answered with one look. */
const settleMs = 2;
/** With many listeners the pauses between wake-ups grow: each wake-up is a read for each of them. */
const perListenerMs = 0.02;
/** Bare hints within this long share one touch of the file. */
const touchMs = 10;
/** Longer than any mark. */
const maxMarkBytes = 64;

export class Hints {
  readonly #options: HintsOptions;
  readonly #touchPath: string;
  readonly #topics = new Map<string, Set<Subscription>>();
  #listeners = 0;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #touch: NodeJS.Timeout | undefined;
  #touching: Promise<void> | undefined;
  #dataVersion: number | undefined;
  /** What the touched file said last. */
  #mark: string | undefined;
  #closed = false;

  constructor(options: HintsOptions) {
    this.#options = options;
    this.#touchPath = `${options.path}-hint`;
  }

  publish(topic: string, hint: string): void {
    for (const subscription of this.#topics.get(topic) ?? []) {
      setImmediate(() => this.#deliver(topic, subscription, hint));
    }
    // Held until it is over, so that a process that publishes and closes has still told the others.
    this.#touch ??= setTimeout(() => {
      this.#touch = undefined;
      this.#touchNow();
    }, touchMs);
  }

  subscribe(topic: string, listener: HintListener): () => void {
    const subscriptions = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, subscriptions);
    // An object of its own, so that one listener may subscribe twice and end each subscription by itself.
    const subscription = { listener };
    subscriptions.add(subscription);
    this.#listeners += 1;
    if (this.#listeners === 1) this.#start();
    return () => {
      if (!subscriptions.delete(subscription)) return;
      if (subscriptions.size === 0 && this.#topics.get(topic) === subscriptions) this.#topics.delete(topic);
      this.#listeners -= 1;
      if (this.#listeners === 0) this.#stop();
    };
  }

  async close(): Promise<void> {
    if (this.#touch !== undefined) {
      clearTimeout(this.#touch);
      this.#touch = undefined;
      this.#touchNow();
    }
    this.#closed = true;
    this.#topics.clear();
    this.#listeners = 0;
    this.#stop();
    await this.#touching;
  }

  #start(): void {
    this.#dataVersion = this.#versionNow();
    this.#poll = setInterval(() => this.#lookNow(), this.#options.pollMs);
    this.#poll.unref();
    void this.#readMark(false);
    this.#watch();
  }

  #stop(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#look);
    this.#look = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Watches the folder: the WAL file may be deleted and made anew, the folder stays. */
  #watch(): void {
    const { path } = this.#options;
    const wal = `${basename(path)}-wal`;
    const touched = basename(this.#touchPath);
    try {
      this.#watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
        if (name === wal || name === null) this.#lookSoon();
        if (name === touched || name === null) void this.#readMark(true);
      });
      // Without a watcher (too many of them, an odd file system) the poll still finds every commit.
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      this.#watcher = undefined;
    }
  }

  #lookSoon(): void {
    if (this.#look !== undefined) return;
    this.#look = setTimeout(
      () => {
        this.#look = undefined;
        this.#lookNow();
      },
      settleMs + this.#listeners * perListenerMs,
    );
    this.#look.unref();
  }

  #lookNow(): void {
    const version = this.#versionNow();
    if (version === undefined || version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.#wakeAll();
  }

  #versionNow(): number | undefined {
    try {
      return this.#options.dataVersion();
    } catch {
      return undefined;
    }
  }

  #wakeAll(): void {
    for (const [topic, subscriptions] of this.#topics) {
      for (const subscription of subscriptions) setImmediate(() => this.#deliver(topic, subscription, undefined));
    }
  }

  #deliver(topic: string, subscription: Subscription, hint: string | undefined): void {
    if (this.#closed || this.#topics.get(topic)?.has(subscription) !== true) return;
    try {
      subscription.listener(hint);
    } catch {
      // A hint may be lost, so a listener that throws has lost it; its neighbours and the process have not.
    }
  }

  /** Leaves a fresh mark for the others, after noticing one of theirs that it would overwrite. */
  #touchNow(): void {
    this.#touching = (this.#touching ?? Promise.resolve()).then(async () => {
      await this.#readMark(true);
      const mark = randomBytes(9).toString("base64url");
      this.#mark = mark;
      await writeMark(this.#touchPath, mark).catch(ignore);
    });
  }

  async #readMark(wake: boolean): Promise<void> {
    const mark = await readMark(this.#touchPath).catch(ignore);
    // Empty while somebody is writing it; the writing will be noticed too.
    if (mark === undefined || mark === "" || mark === this.#mark) return;
    this.#mark = mark;
    if (wake && !this.#closed) this.#wakeAll();
  }
}

async function readMark(path: string): Promise<string | undefined> {
  await using file = await openSmall(path, "read", maxMarkBytes);
  return await file?.readFile("utf8");
}

async function writeMark(path: string, mark: string): Promise<void> {
  await using file = await openSmall(path, "write", maxMarkBytes);
  await file?.truncate();
  await file?.writeFile(mark);
}

/** Hints may be lost: that is cheaper than failing whoever gave one. */
function ignore(): undefined {
  return undefined;
}
