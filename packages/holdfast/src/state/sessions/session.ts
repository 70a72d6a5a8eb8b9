import type { StoredEvent } from "../../record/record.ts";
import type { Tail } from "../../store/contract.ts";
import { firstResult } from "../applied.ts";
import type { Disposables } from "../disposables/disposables.ts";
import type { DisposableOptions, MakeDisposable } from "../disposables/types.ts";
import { decodeDocument } from "../document.ts";
import { commitIdIn } from "../idempotency.ts";
import { getMember, jsonText, parseStored, setMember } from "../json.ts";
import { checkCall, checkChange, checkContext, checkDisposable } from "../method-options.ts";
import { appendedOf, incrementCounter, maxPageBytes, remembered } from "../operations.ts";
import { invalid, notFound } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import { changeBlindly, getRecord, type Target } from "../target.ts";
import { appendOf, counterOf, eventText } from "../transaction.ts";
import type {
  CallOptions,
  Changed,
  ChangeOptions,
  CountOptions,
  Incremented,
  Recorded,
  Session,
  SessionContext,
  SessionView,
  Transaction,
  Turn,
} from "../types.ts";
import { type Updated, update, viewOfUpdated } from "../update.ts";
import { viewOf } from "../views.ts";
import { clearSession } from "./clear.ts";
import { actionsCounter, actionsStream, checkedName, sessionView, turnsStream } from "./definition.ts";
import { parseTurn } from "./turn-text.ts";
import type { TurnRecorder } from "./turns.ts";

const defaultMaxEvents = 20;
const defaultMaxTurns = 10;
const maxTail = 1_000;
const maxSummary = 16_384;

/** The document while an update changes it. */
type Draft = { summary?: string; preferences: Record<string, unknown>; data: Record<string, unknown> };

/** What the sessions of one owner share. */
export type SessionParts = {
  readonly scope: Scope;
  readonly turns: TurnRecorder;
  readonly disposables: Disposables;
};

export class OwnSession implements Session {
  readonly id: string;
  readonly #scope: Scope;
  readonly #turns: TurnRecorder;
  readonly #disposables: Disposables;

  constructor({ scope, turns, disposables }: SessionParts, id: string) {
    this.id = id;
    this.#scope = scope;
    this.#turns = turns;
    this.#disposables = disposables;
  }

  async view(options: CallOptions = {}): Promise<SessionView> {
    return sessionView(await getRecord(this.#scope, this.#target(), options));
  }

  async get(
    key: string,
    options: CallOptions = {},
  ): Promise<{ readonly value: unknown; readonly version: number } | undefined> {
    checkedName("a key", key);
    const { value, version } = await this.view(options);
    return Object.hasOwn(value.data, key) ? { value: getMember(value.data, key), version } : undefined;
  }

  async set(key: string, value: unknown, options: ChangeOptions = {}): Promise<Changed> {
    checkedName("a key", key);
    jsonText(value, "the value", this.#scope.kind.maxDocumentBytes);
    const { version, replayed } = await this.#update("set", { key, value }, options, (draft) => {
      setMember(draft.data, key, value);
    });
    return { version, replayed };
  }

  async delete(key: string, options: ChangeOptions = {}): Promise<boolean> {
    checkedName("a key", key);
    const isOnce = this.#scope.engine.calls.get()?.once !== undefined;
    let deleted = false;
    const { replayed, counters } = await this.#update("delete", { key }, options, (draft, tx) => {
      deleted = Object.hasOwn(draft.data, key);
      Reflect.deleteProperty(draft.data, key);
      // An outcome remembers counters and no answers: that this one is named, by nothing, says "there was none".
      if (!deleted && (options.idempotency !== undefined || isOnce)) tx.increment(actionsCounter, 0);
    });
    return replayed ? !counters.has(actionsCounter) : deleted;
  }

  async keys(options: CallOptions = {}): Promise<readonly string[]> {
    const { value } = await this.view(options);
    return Object.keys(value.data).sort();
  }

  async setPreference(key: string, value: unknown, options: ChangeOptions = {}): Promise<SessionView> {
    checkedName("a key", key);
    jsonText(value, "the value", this.#scope.kind.maxDocumentBytes);
    const updated = await this.#update("set-preference", { key, value }, options, (draft) => {
      setMember(draft.preferences, key, value);
    });
    return sessionView(viewOfUpdated(updated));
  }

  async increment(name: string, by = 1, options: CountOptions = {}): Promise<Incremented> {
    checkedName("a counter's name", name);
    if (name === actionsCounter)
      throw invalid(`the counter "${actionsCounter}" is holdfast's own; choose another name`);
    return await incrementCounter(this.#scope, this.#target(), name, by, options);
  }

  async record(type: string, payload: unknown = null, options: ChangeOptions = {}): Promise<Recorded> {
    checkedName("an action", type);
    const { kind } = this.#scope;
    const data = eventText(kind, { type, payload });
    checkChange("record", options);
    const blind = { appends: [appendOf(kind, actionsStream, [data])], counters: [counterOf(actionsCounter, 1, {})] };
    const operation = { name: "record", intent: () => ({ type, payload }) };
    const applied = await changeBlindly(this.#scope, this.#target(), blind, options, operation);
    return {
      ...appendedOf(applied, actionsStream),
      totalEvents: remembered(firstResult(applied).counters, actionsCounter),
    };
  }

  async context(
    options: CallOptions & { readonly maxEvents?: number; readonly maxTurns?: number } = {},
  ): Promise<SessionContext> {
    checkContext("context", options);
    const { maxEvents = defaultMaxEvents, maxTurns = defaultMaxTurns, signal } = options;
    const read = await this.#readTails(tail(actionsStream, maxEvents), tail(turnsStream, maxTurns), signal);
    return {
      view: read.view,
      events: read.tails[0].map(actionOf),
      turns: read.tails[1].map(({ data }) => parseTurn(data)),
    };
  }

  async recentContext(n: number, options: CallOptions = {}): Promise<readonly Turn[]> {
    checkCall("recentContext", options);
    const { tails } = await this.#readTails(undefined, tail(turnsStream, n), options.signal);
    return tails[1].map(({ data }) => parseTurn(data));
  }

  async summary(options: CallOptions = {}): Promise<string | undefined> {
    return (await this.view(options)).value.summary;
  }

  async summarize(
    summary: string | undefined | ((before: string | undefined) => string | undefined),
    options: ChangeOptions = {},
  ): Promise<Changed> {
    const intent = typeof summary === "function" ? {} : { summary };
    const { version, replayed } = await this.#update("summarize", intent, options, (draft) => {
      const next = typeof summary === "function" ? summary(draft.summary) : summary;
      if (next === undefined) delete draft.summary;
      else draft.summary = checkedSummary(next);
    });
    return { version, replayed };
  }

  async clear(options: ChangeOptions = {}): Promise<void> {
    checkChange("clear", options);
    await this.#turns.settle(this.#scope.owner, this.id, options.signal);
    await clearSession(this.#scope, this.#target().key, options);
  }

  async disposable<Value>(
    name: string,
    make: MakeDisposable<Value>,
    options: DisposableOptions<Value> = {},
  ): Promise<Value> {
    checkDisposable("disposable", options);
    checkedName("a disposable", name);
    const { engine, owner } = this.#scope;
    const { key } = this.#target();
    const { record, at } = await engine.read(owner, key, { signal: options.signal });
    if (record === undefined) throw notFound();
    await this.#scope.slideAfterRead(record, at, options.signal);
    // What has a name in a session is what that name's `make` returned: one name, one type.
    const dispose = options.dispose as DisposableOptions<unknown>["dispose"];
    return (await this.#disposables.obtain(owner, key, { name, make, dispose, signal: options.signal })) as Value;
  }

  async dispose(name: string): Promise<boolean> {
    checkedName("a disposable", name);
    const key = this.#scope.keyIfWellFormed(this.id);
    return key === undefined ? false : await this.#disposables.dispose(this.#scope.owner, key, name);
  }

  async end(options: CallOptions = {}): Promise<boolean> {
    checkCall("end", options);
    let target: Target;
    try {
      target = this.#target();
    } catch {
      return false;
    }
    const operation = { ...target.key, name: "end" };
    const commitId = commitIdIn(this.#scope.engine, operation, undefined, () => null);
    return await this.#scope.end(target.key, "present", { commitId, signal: options.signal });
  }

  #target(): Target {
    return { key: this.#scope.keyOf(this.id) };
  }

  async #update(
    operation: string,
    defaultIntent: unknown,
    options: ChangeOptions,
    change: (draft: Draft, tx: Transaction) => void,
  ): Promise<Updated> {
    checkChange(operation, options);
    // The draft is the session's document, fresh from its text and nobody else's.
    const fn = (draft: unknown, tx: Transaction): void => change(draft as Draft, tx);
    return await update(this.#scope, { key: this.#target().key, operation, fn, options, defaultIntent });
  }

  /** The record and the newest events of both streams, of one consistent state. */
  async #readTails(
    actions: Tail | undefined,
    turns: Tail | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{
    readonly view: SessionView;
    readonly tails: readonly [readonly StoredEvent[], readonly StoredEvent[]];
  }> {
    const { engine, owner, kind } = this.#scope;
    const { key } = this.#target();
    await this.#turns.settle(owner, this.id, signal);
    const tails = [actions, turns].filter((wanted) => wanted !== undefined);
    const answer = await engine.read(owner, key, { tails, signal });
    if (answer.record === undefined) throw notFound();
    const value = await decodeDocument(kind, answer.record);
    const expiresAt = await this.#scope.slideAfterRead(answer.record, answer.at, signal);
    const view = sessionView(viewOf({ ...answer.record, expiresAt }, value));
    const found = [...answer.tails];
    return {
      view,
      tails: [actions === undefined ? [] : (found.shift() ?? []), turns === undefined ? [] : (found.shift() ?? [])],
    };
  }
}

function checkedSummary(summary: unknown): string {
  if (typeof summary === "string" && summary.length <= maxSummary) return summary;
  throw invalid(`a summary is a text of at most ${maxSummary} characters`);
}

/** The newest `n` events of a stream, fewer where they are many bytes; none where none are wanted. */
function tail(stream: string, n: number): Tail | undefined {
  if (!(Number.isSafeInteger(n) && n >= 0 && n <= maxTail)) {
    throw invalid(`the number of ${stream} is a whole number from 0 to ${maxTail}, not ${String(n)}`);
  }
  return n === 0 ? undefined : { stream, after: { last: n }, limit: n, maxBytes: maxPageBytes };
}

function actionOf({ position, at, data }: StoredEvent): SessionContext["events"][number] {
  // Written by `record`.
  const { type, payload } = parseStored(data, `action ${position}`) as {
    readonly type: string;
    readonly payload: unknown;
  };
  return { position, type, payload, at: new Date(at) };
}
