/**
 * Changes of lists and resources, told to sessions: what is announced to their principal, or to everybody, goes into
 * the log of each session that listens, once, whichever node holds its stream. How far a session has been told is in its
 * record, and moves on in the commit that tells it.
 */
import type { JSONRPCNotification, ServerEvent } from "@modelcontextprotocol/server";

import type { CounterChange } from "../../record/change.ts";
import type { Position, StoredRecord } from "../../record/record.ts";
import type { EventBus } from "../bus/bus.ts";
import type { EventsSince } from "../bus/feed.ts";
import type { SessionDeps } from "./deps.ts";
import { writeHint } from "./hints.ts";
import { writeLogEntry } from "./log-entry.ts";
import type { OpenSession } from "./session-gate.ts";
import { getStreamId } from "./stream-id.ts";
import {
  outStream,
  readTransportDocument,
  type Subscriptions,
  sessionTopic,
  type TransportDocument,
  transportKey,
} from "./transport-record.ts";

/** Where changes are announced. */
export type NewsSource = Pick<EventBus, "ready" | "follow" | "since">;

type NewsDeps = Pick<SessionDeps, "store" | "options" | "hint" | "onError">;
type Source = "own" | "all";
type Told = {
  readonly source: Source;
  readonly since: EventsSince;
  /** After which position that is; undefined for who asked to hear of nothing before. */
  readonly from: Position | undefined;
  readonly cursor: Position | undefined;
};

const sources: readonly Source[] = ["own", "all"];
const counterOf: Readonly<Record<Source, string>> = { own: "news.own", all: "news.all" };
const attempts = 8;

export class SessionNews {
  readonly #deps: NewsDeps;
  readonly #bus: NewsSource;

  constructor(deps: NewsDeps, bus: NewsSource) {
    this.#deps = deps;
    this.#bus = bus;
  }

  /** A session begins to listen here: it is told what it missed, and from now on what comes. The returned function ends it. */
  async begin(session: OpenSession): Promise<() => void> {
    let running: Promise<void> | undefined;
    let again = false;
    let over = false;
    const tell = (): void => {
      again = true;
      running ??= (async () => {
        while (again && !over) {
          again = false;
          await this.#tell(session);
        }
      })()
        .catch((error: unknown) => {
          // Who no longer listens misses nothing by it; the store may be closed by now.
          if (!over) this.#deps.onError(error);
        })
        .finally(() => {
          running = undefined;
          if (again && !over) tell();
        });
    };
    const stop = this.#bus.follow(session.owner, tell);
    try {
      await this.#bus.ready(session.owner, { resources: false });
      await this.#tell(session);
    } catch (error) {
      stop();
      throw error;
    }
    return () => {
      over = true;
      stop();
    };
  }

  /** Where events stand for who subscribes now: of what was announced before it hears nothing. */
  async headsFor({ owner }: Pick<OpenSession, "owner">): Promise<readonly [own: Position, all: Position]> {
    const { own, all } = await this.#bus.ready(owner, { resources: true });
    return [own, all];
  }

  async #tell(session: OpenSession): Promise<void> {
    const { store } = this.#deps;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const { record } = await store.read(session.owner, transportKey(session.id));
      if (record === undefined) return;
      const document = readTransportDocument(record.document);
      const told = await this.#gather(session, record, document);
      const messages = document.phase === "initialized" ? told.flatMap((one) => messagesOf(one, document)) : [];
      const moved = told.filter(({ cursor, since }) => cursor === undefined || since.head !== cursor);
      // Who has nothing to hear is not written to, as long as it is known where it stands.
      if (messages.length === 0 && moved.every(({ cursor }) => cursor !== undefined)) return;
      if (await this.#write(session, document, messages, moved)) return;
    }
  }

  async #gather(
    { owner }: OpenSession,
    record: StoredRecord,
    { subscriptions = {} }: TransportDocument,
  ): Promise<readonly Told[]> {
    const told: Told[] = [];
    for (const source of sources) {
      const cursor = record.counters.get(counterOf[source]);
      const from = cursor ?? firstOf(subscriptions, source);
      const since = await this.#bus.since(source === "own" ? owner : undefined, from ?? 0);
      if (since !== undefined) told.push({ source, since, from, cursor });
    }
    return told;
  }

  /** False if another node was first: then what it told is not told again. */
  async #write(
    session: OpenSession,
    { secretHash }: TransportDocument,
    messages: readonly JSONRPCNotification[],
    moved: readonly Told[],
  ): Promise<boolean> {
    const { store, options, hint } = this.#deps;
    const streamId = getStreamId(secretHash);
    const data = messages.map((message) =>
      writeLogEntry({ streamId, tag: "message", payload: JSON.stringify(message) }),
    );
    const counters: CounterChange[] = moved.map(({ source, since: { head }, cursor }) => ({
      name: counterOf[source],
      by: head - (cursor ?? 0),
      min: head,
      max: head,
    }));
    const committed = await store.commit(session.owner, [
      {
        ...transportKey(session.id),
        expect: "present",
        counters,
        appends: [{ stream: outStream, data, keep: options.maxLogEvents }],
      },
    ]);
    if (committed.ok) {
      if (data.length > 0) hint(sessionTopic(session.id), writeHint({ type: "out", streams: [streamId] }));
      return true;
    }
    return committed.refusal.reason !== "bounds";
  }
}

/** Where events stood when a session first subscribed to one of its resources: it waits for news from then on. */
function firstOf(subscriptions: Subscriptions, source: Source): Position | undefined {
  const positions = Object.values(subscriptions).map((at) => at[source === "own" ? 0 : 1]);
  return positions.length === 0 ? undefined : Math.min(...positions);
}

function messagesOf(
  { source, since, from }: Told,
  { subscriptions = {} }: TransportDocument,
): readonly JSONRPCNotification[] {
  // Who has just begun to listen and asked for nothing has heard of nothing yet, and learns everything by asking.
  if (from === undefined) return [];
  const uris = Object.entries(subscriptions);
  // What is no longer kept may have been about any of them.
  const lost = since.gap ? uris.map(([uri]): ServerEvent => ({ kind: "resource_updated", uri })) : [];
  const heard = since.events.flatMap(({ position, event }): readonly ServerEvent[] => {
    if (event.kind !== "resource_updated") return [event];
    const [, at] = uris.find(([uri]) => uri === event.uri) ?? [];
    const after = at?.[source === "own" ? 0 : 1];
    return after !== undefined && position > after ? [event] : [];
  });
  return [...lost, ...heard].map(notificationOf);
}

function notificationOf(event: ServerEvent): JSONRPCNotification {
  const { params } = event;
  if (event.kind === "resource_updated") {
    return { jsonrpc: "2.0", method: "notifications/resources/updated", params: { ...params, uri: event.uri } };
  }
  return { jsonrpc: "2.0", method: listChanged[event.kind], ...(params !== undefined && { params }) };
}

const listChanged: Readonly<Record<Exclude<ServerEvent["kind"], "resource_updated">, string>> = {
  tools_list_changed: "notifications/tools/list_changed",
  prompts_list_changed: "notifications/prompts/list_changed",
  resources_list_changed: "notifications/resources/list_changed",
};
