import { idOfName } from "../../record/ids.ts";
import type { RecordKey, StoredRecord } from "../../record/record.ts";
import type { CommitId, CommitOutcome } from "../../store/contract.ts";
import { validateName } from "../../store/validate.ts";
import { decodeDocument } from "../document.ts";
import { durationMs } from "../duration.ts";
import { jsonText } from "../json.ts";
import { checkCall, checkChange, checkChannelQuery, checkJoin } from "../method-options.ts";
import { readEvents } from "../operations.ts";
import { invalid, notFound } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import { checkedName, sessionKind } from "../sessions/definition.ts";
import type { CallOptions, ChangeOptions, EventsResult, Transaction } from "../types.ts";
import { commitIdOfUpdate, type Updated, updateUnder } from "../update.ts";
import {
  type ChannelDocument,
  channelKind,
  channelPrefix,
  isDue,
  labelOf,
  type Member,
  maxMembers,
  memberOf,
  messagesStream,
  presenceStream,
} from "./definition.ts";
import type {
  Broadcasted,
  Channel,
  ChannelMember,
  ChannelMessage,
  ChannelPage,
  ChannelQuery,
  JoinOptions,
  Membership,
  Presence,
} from "./types.ts";

const topic = "holdfast.channels";
const defaultStay = "24h";

/** Who is there, who has vanished, and what time it is. */
type Look = {
  readonly at: number;
  readonly live: ReadonlyMap<string, Member>;
  readonly vanished: ReadonlyMap<string, Member>;
  /** What the operation came to the first time, where this repeats it. */
  readonly outcome?: CommitOutcome | undefined;
};

/** An operation, named before anything is awaited for it: see `commitIdIn`. */
type Asked = {
  readonly operation: string;
  readonly options: ChangeOptions;
  readonly defaultIntent: unknown;
  readonly commitId: CommitId | undefined;
};

/** What a repeat has to say again. */
type Said = Pick<Membership, "members"> & Partial<Membership>;

export class OwnChannel implements Channel {
  readonly name: string;
  readonly #scope: Scope;
  readonly #key: RecordKey;

  constructor(scope: Scope, name: string) {
    if (typeof name !== "string") throw invalid("a channel's name is a text");
    validateName("channel", name);
    this.name = name;
    this.#scope = scope;
    this.#key = { kind: channelKind, id: idOfName(channelPrefix, name) };
  }

  async join(session: string, options: JoinOptions = {}): Promise<Membership> {
    checkJoin("join", options);
    const { stay = defaultStay, signal } = options;
    const stayMs = durationMs(stay, "stay");
    const asked = this.#asked("join", { ...(signal && { signal }) }, { session, stay, label: options.label });
    const key = { kind: sessionKind, id: this.#scope.keyOf(session).id };
    const [record, look] = await Promise.all([this.#read(key, signal), this.#look(signal, asked.commitId)]);
    if (record === undefined && look.outcome === undefined) throw notFound();
    const label = options.label === undefined ? record?.fields["label"] : checkedName("a label", options.label);
    const named = typeof label === "string" ? { label } : {};
    const { at } = look;
    return await this.#changeMembers(asked, look, (draft, tx) => {
      const standing = memberOf(draft, session);
      const isNew = standing === undefined;
      if (isNew && Object.keys(draft.members).length >= maxMembers) {
        throw invalid(`a channel has at most ${maxMembers} members`);
      }
      draft.members[session] = { ...named, joinedAt: standing?.joinedAt ?? at, stayMs, until: at + stayMs };
      if (isNew) tx.append(presenceStream, { type: "joined", session, ...named });
      return isNew;
    });
  }

  async leave(session: string, options: CallOptions = {}): Promise<Membership> {
    checkCall("leave", options);
    const { signal } = options;
    const asked = this.#asked("leave", { ...(signal && { signal }) }, { session });
    const look = await this.#look(signal, asked.commitId);
    if (!look.live.has(session) && look.outcome === undefined) return { members: look.live.size, changed: false };
    return await this.#changeMembers(asked, look, (draft, tx) => {
      const standing = memberOf(draft, session);
      if (standing === undefined) return false;
      Reflect.deleteProperty(draft.members, session);
      tx.append(presenceStream, { type: "left", session, ...labelOf(standing) });
      return true;
    });
  }

  async broadcast(session: string, message: unknown, options: ChangeOptions = {}): Promise<Broadcasted> {
    checkChange("broadcast", options);
    jsonText(message, "the message", this.#scope.kind.maxEventBytes);
    const asked = this.#asked("broadcast", options, { session, message });
    const look = await this.#look(options.signal);
    const { at } = look;
    const change = (draft: ChannelDocument, tx: Transaction): void => {
      const sender = memberOf(draft, session);
      if (sender === undefined) throw invalid("who sends to a channel has to have joined it; join it first");
      if (isDue(sender, at)) draft.members[session] = { ...sender, until: at + sender.stayMs };
      tx.append(messagesStream, { from: { session, ...labelOf(sender) }, message });
    };
    const { said, updated } = await this.#change(asked, look, change);
    const position = updated.heads.get(messagesStream);
    if (position === undefined) throw new Error("the store said nothing about the stream the commit appended to");
    return { position, recipients: Math.max(0, said.members - 1), replayed: updated.replayed };
  }

  async read(query: ChannelQuery = {}): Promise<ChannelPage & { readonly messages: readonly ChannelMessage[] }> {
    checkChannelQuery("read", query);
    const { events, more, incarnation } = await this.#events(messagesStream, query);
    const messages = events.map(({ position, at, payload }): ChannelMessage => {
      // Written by `broadcast`.
      const { from, message } = payload as Pick<ChannelMessage, "from" | "message">;
      return { position, from, message, at };
    });
    return { messages, more, incarnation };
  }

  async presence(query: ChannelQuery = {}): Promise<ChannelPage & { readonly events: readonly Presence[] }> {
    checkChannelQuery("presence", query);
    const { events, more, incarnation } = await this.#events(presenceStream, query);
    const seen = events.map(({ position, at, payload }): Presence => {
      // Written by `join`, `leave` and `#change`.
      return { ...(payload as Omit<Presence, "position" | "at">), position, at };
    });
    return { events: seen, more, incarnation };
  }

  async members(options: CallOptions = {}): Promise<readonly ChannelMember[]> {
    checkCall("members", options);
    const { live } = await this.#look(options.signal);
    return [...live].map(([session, member]) => {
      return { session, ...labelOf(member), joinedAt: new Date(member.joinedAt) };
    });
  }

  watch(listener: () => void): () => void {
    return this.#scope.engine.store.subscribe(topic, (hint) => {
      if (hint === undefined || hint === this.#key.id) listener();
    });
  }

  async #events(stream: string, { as, ...query }: ChannelQuery): Promise<EventsResult> {
    const [result] = await Promise.all([
      readEvents(this.#scope, { key: this.#key, createAs: {} }, stream, query),
      as === undefined ? undefined : this.#touch(as, query.signal),
    ]);
    return result;
  }

  /** A sign of life, written only where a good part of the stay is over. Never fails the reading it belongs to. */
  async #touch(session: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      const { at, ...document } = await this.#standing(signal);
      const member = memberOf(document, session);
      // Before anybody's session is looked at: whoever reads comes often, and is due once in a long time.
      if (member === undefined || !isDue(member, at)) return;
      const look = await this.#look(signal);
      if (!look.live.has(session)) return;
      // A sign of life is nobody's change: reading again is one again.
      const options = { ...(signal && { signal }) };
      const asked = { operation: "touch", options, defaultIntent: null, commitId: undefined };
      await this.#change(asked, look, (draft) => {
        const standing = memberOf(draft, session);
        if (standing !== undefined) draft.members[session] = { ...standing, until: at + standing.stayMs };
      });
    } catch {
      this.#scope.engine.counts.slideFailures += 1;
    }
  }

  /** Members whose stay is not over and whose sessions are live. */
  async #look(signal: AbortSignal | undefined, commitId?: CommitId): Promise<Look> {
    const { at, members, outcome } = await this.#standing(signal, commitId);
    const staying = Object.entries(members).filter(([, { until }]) => at < until);
    const sessions = await Promise.all(staying.map(([id]) => this.#read({ kind: sessionKind, id }, signal)));
    const live = new Map(staying.filter((_, index) => sessions[index] !== undefined));
    return { at, live, vanished: new Map(Object.entries(members).filter(([id]) => !live.has(id))), outcome };
  }

  /** The members as the record has them, whatever has become of them. */
  async #standing(
    signal: AbortSignal | undefined,
    commitId?: CommitId,
  ): Promise<ChannelDocument & Pick<Look, "at" | "outcome">> {
    const { engine, owner, kind } = this.#scope;
    const { record, at, outcome } = await engine.read(owner, this.#key, { signal, commitId: commitId?.id });
    if (record === undefined) return { at, members: {}, outcome };
    // Documents of this kind passed its schema.
    return { at, ...((await decodeDocument(kind, record)) as ChannelDocument), outcome };
  }

  async #read(key: RecordKey, signal: AbortSignal | undefined): Promise<StoredRecord | undefined> {
    const { engine, owner } = this.#scope;
    return (await engine.read(owner, key, { signal })).record;
  }

  #asked(operation: string, options: ChangeOptions, defaultIntent: unknown): Asked {
    const commitId = commitIdOfUpdate(this.#scope, { key: this.#key, operation, options, defaultIntent });
    return { operation, options, defaultIntent, commitId };
  }

  /** @param change says whether it made a difference. */
  async #changeMembers(
    asked: Asked,
    look: Look,
    change: (document: ChannelDocument, tx: Transaction) => boolean,
  ): Promise<Membership> {
    const { said } = await this.#change(asked, look, change);
    return { members: said.members, changed: said.changed === true };
  }

  /** Changes the record, dropping on the way who has vanished, and wakes who watches. */
  async #change(
    { operation, options, defaultIntent, commitId }: Asked,
    { live, vanished }: Look,
    change: (document: ChannelDocument, tx: Transaction) => boolean | void,
  ): Promise<{ readonly updated: Updated; readonly said: Said }> {
    let said: Said = { members: live.size };
    const fn = (draft: unknown, tx: Transaction): void => {
      // The draft is the channel's document, fresh from its text.
      const document = draft as ChannelDocument;
      for (const [session, { until }] of vanished) {
        const member = memberOf(document, session);
        // Whoever gave a sign of life since the look is let be.
        if (member === undefined || member.until !== until) continue;
        Reflect.deleteProperty(document.members, session);
        tx.append(presenceStream, { type: "dropped", session, ...labelOf(member) });
      }
      const changed = change(document, tx) === true;
      said = { members: Object.keys(document.members).length, changed };
    };
    const createAs = { name: this.name };
    const request = { key: this.#key, createAs, operation, fn, options, defaultIntent, said: () => said };
    const updated = await updateUnder(this.#scope, request, commitId);
    this.#wake();
    // Written by this method.
    return { updated, said: updated.said === undefined ? said : (updated.said as Said) };
  }

  #wake(): void {
    const { store, onError } = this.#scope.engine;
    try {
      store.publish(topic, this.#key.id);
    } catch (error) {
      onError(error);
    }
  }
}
