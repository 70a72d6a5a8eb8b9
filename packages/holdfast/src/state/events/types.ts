/** The face of event-sourced kinds: what a record is, is told by its events; its value is what they come to. */
import type { StandardSchemaV1 } from "@standard-schema/spec";

import type { Position, Version } from "../../record/record.ts";
import type { Sharing } from "../grants/types.ts";
import type { RecordLock, RecordLocks } from "../leases/types.ts";
import type {
  CallOptions,
  ChangeOptions,
  Duration,
  KindLimits,
  KindScope,
  ListedRecord,
  ListQuery,
  RecordView,
} from "../types.ts";

/** The events of a kind: a schema of the payload for each type. */
export type EventSchemas = Readonly<Record<string, StandardSchemaV1>>;

/** An event to be appended. A payload whose members are all optional may be left out. */
export type EventInput<Events extends EventSchemas> = {
  [Type in keyof Events & string]: { readonly type: Type } & PayloadOf<StandardSchemaV1.InferInput<Events[Type]>>;
}[keyof Events & string];

type PayloadOf<Payload> = {} extends Payload ? { readonly payload?: Payload } : { readonly payload: Payload };

/** An event as it was recorded, in the shape of today's schema. */
export type RecordedEvent<Events extends EventSchemas> = {
  [Type in keyof Events & string]: {
    readonly type: Type;
    readonly payload: StandardSchemaV1.InferOutput<Events[Type]>;
    readonly position: Position;
    /** By the store's clock. */
    readonly at: Date;
    readonly by: EventOrigin;
  };
}[keyof Events & string];

/** Any kind's event. */
export type AnyEvent = {
  readonly type: string;
  readonly payload: unknown;
  readonly position: Position;
  readonly at: Date;
  readonly by: EventOrigin;
};
/** Any kind's event that is to be appended. */
export type AnyInput = { readonly type: string; readonly payload?: unknown };

/** Who made an event. All but `agent` is noted by itself where the event comes about in a tool call. */
export type EventOrigin = {
  /** Whoever the appending code says it was. */
  readonly agent?: string | undefined;
  /** What the client calls itself. */
  readonly client?: string | undefined;
  readonly tool?: string | undefined;
  /** Tells the events of one tool call from those of others. A turn of the same call has it too. */
  readonly call?: string | undefined;
  /** The grant by which another principal did it: `grants` says whose that is. */
  readonly grant?: string | undefined;
};

/** An event of an older program, on its way to today's shape. */
export type OlderEvent = { readonly type: string; readonly payload: unknown };

/**
 * What an event-sourced kind is; `initial`, `events` and `evolve` are needed. Durations are milliseconds or texts such as
 * `"24h"`. Unknown names and what cannot be throw `INVALID_ARGUMENT`, naming the kind, the option and the remedy.
 */
export type EventSourcedOptions<Value, Events extends EventSchemas, Scope extends KindScope = "many"> = {
  /** The value before the first event. A function is called anew each time; a value is copied. */
  readonly initial: Value | (() => Value);
  /** The payload's schema of each type of event. Has to accept what it returned before. */
  readonly events: Events;
  /**
   * What an event makes of the value: changes it in place, or returns another. It has to come to the same result each
   * time: no clock, no chance, nothing from outside. It must be able to take every event that was ever appended.
   */
  readonly evolve: (value: Value, event: RecordedEvent<Events>) => Value | void;
  /** A snapshot is written at least every so many events, 1 to 1,000. Default 100. */
  readonly snapshotEvery?: number;
  /**
   * Raise it when `evolve` or the value's shape changes: snapshots of other versions are not looked at, and the value is
   * made from the events again. Default 1.
   */
  readonly snapshotVersion?: number;
  /**
   * Turns the value of an older snapshot into today's, for when making it from the events again is not possible (they were
   * trimmed) or too dear. Given, it is used for every older snapshot.
   */
  readonly upcastSnapshot?: (older: unknown, version: number) => Value;
  /** Checks the value when it comes from a snapshot, and brings back what JSON does not keep, such as dates. */
  readonly schema?: StandardSchemaV1<unknown, Value>;
  /**
   * `upcast[type][n - 1]` turns an event of version n of a type into version n + 1, or into another type of today. Events
   * are written in the newest version; those in the log stay as they are.
   */
  readonly upcast?: Readonly<Record<string, readonly ((older: OlderEvent) => OlderEvent)[]>>;
  readonly scope?: Scope;
  /** See `KindOptions`, as the following. */
  readonly prefix?: string;
  readonly idle?: Duration;
  readonly absolute?: Duration;
  readonly retain?: Duration;
  readonly limits?: EventSourcedLimits;
  /** Seals events and snapshots where they are stored. Default false. Needs `holdfast({ sealing })`. */
  readonly sealed?: boolean;
  readonly description?: string;
};

/** Bounds of one event-sourced kind, within those of the hold. */
export type EventSourcedLimits = Omit<KindLimits, "maxEventsKept"> & {
  /**
   * About how many of the newest events are kept. Older ones go when a snapshot is written, never one that it does not
   * contain; the value stays what all of them came to. Default: all are kept.
   */
  readonly maxEventsKept?: number;
};

/** A record as its owner sees it. `version` counts its snapshots; what changes with each event is `position`. */
export type EventSourcedView<Value> = RecordView<Value> & {
  /** Of the newest event in the value; 0 before the first. */
  readonly position: Position;
};

/** Where an append has to find the log, and who does it, beside what every change takes. */
export type AppendEventsOptions = ChangeOptions & {
  /** `CONFLICT`, naming both positions, unless the newest event is at this one. 0: there is none yet. */
  readonly expectedPosition?: Position;
  /** Who does this, in words of the application: kept with each event. */
  readonly agent?: string | undefined;
};

/** What an append to an event-sourced record came to. */
export type AppendedEvents = {
  /** Of the first and the last event of the append. */
  readonly first: Position;
  readonly position: Position;
  readonly version: Version;
  readonly replayed: boolean;
};

/** What a decision came to. */
export type DecidedEvents<Value> = {
  readonly view: EventSourcedView<Value>;
  /** Of the newest event after the decision; after a repeat, of the last event of the first one. */
  readonly position: Position;
  /** How many events came of it; none where the decision was to do nothing. */
  readonly appended: number;
  readonly replayed: boolean;
};

/**
 * Looks at the value and says what happens: one event, several, or none. It may run more than once, so it should do
 * nothing but decide; what it throws appends nothing.
 */
export type Decider<Value, Input extends AnyInput> = (
  value: Value,
  view: EventSourcedView<Value>,
) => Decision<Input> | Promise<Decision<Input>>;

/** What a decision may answer: an event, several, or nothing at all. */
export type Decision<Input extends AnyInput> = Input | readonly Input[] | undefined | void;

/** Which events of a record's history to read. */
export type HistoryQuery<Type extends string = string> = CallOptions & {
  /** Only events after this position: a cursor. `REPLAY_WINDOW_EXCEEDED` where events that would follow it are gone. */
  readonly after?: Position;
  /**
   * The `incarnation` of the page the cursor is from. A record that is found by name may have ended since and been begun
   * anew; its positions then start again, and with this the old cursor is `REPLAY_WINDOW_EXCEEDED` instead of a gap.
   */
  readonly incarnation?: Version | undefined;
  readonly before?: Position;
  /** 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** Default `oldest`. */
  readonly order?: "oldest" | "newest";
  readonly type?: Type | readonly Type[] | undefined;
  readonly agent?: string | undefined;
  readonly client?: string | undefined;
  readonly tool?: string | undefined;
  readonly call?: string | undefined;
  /** Only events from this moment on. */
  readonly since?: Date | undefined;
  /** Only events up to this moment. */
  readonly until?: Date | undefined;
};

/** A page of a record's history, oldest event first. */
export type HistoryPage<Event extends AnyEvent> = {
  readonly events: readonly Event[];
  /** Of the newest event there is. */
  readonly position: Position;
  /** Oldest position still kept. */
  readonly first: Position;
  /**
   * Where to go on: as `after`, or as `before` where the newest come first. Absent at the end. A page may be short, even
   * empty, and yet have one: a call looks at 10,000 events, or 32 MiB of them, at most.
   */
  readonly next?: Position | undefined;
  /** Tells the record from earlier ones of its name; keep it with the cursor. Absent while there is no record yet. */
  readonly incarnation?: Version | undefined;
};

/** The value as it was. */
export type PastValue<Value> = {
  readonly value: Value;
  readonly position: Position;
  /** When the event at that position happened; absent for the value before the first event. */
  readonly at?: Date | undefined;
};

/** What `repair` found and did. */
export type Repaired = {
  readonly position: Position;
  /** Whether the snapshot that stood there was another than the events come to. */
  readonly changed: boolean;
};

/** One record, already named. */
export interface EventSourcedHandle<Value, Event extends AnyEvent, Input extends AnyInput> extends RecordLock {
  readonly id: string;
  get(options?: CallOptions): Promise<EventSourcedView<Value>>;
  append(events: Input | readonly Input[], options?: AppendEventsOptions): Promise<AppendedEvents>;
  decide(fn: Decider<Value, Input>, options?: AppendEventsOptions): Promise<DecidedEvents<Value>>;
  history(query?: HistoryQuery<Event["type"]>): Promise<HistoryPage<Event>>;
  at(when: Position | Date, options?: CallOptions): Promise<PastValue<Value>>;
  repair(options?: CallOptions): Promise<Repaired>;
  destroy(options?: ChangeOptions): Promise<boolean>;
}

/** The caller's event-sourced records behind handles. */
export interface HandledEventSourced<Value, Event extends AnyEvent, Input extends AnyInput>
  extends RecordLocks,
    Sharing {
  /** The value that all events come to. However long the history, only the events since the last snapshot are read. */
  get(id: string, options?: CallOptions): Promise<EventSourcedView<Value>>;
  /**
   * Appends one event or several (at most 1,000), all or none. Conflicts with nobody unless `expectedPosition` is given.
   * Throws `INVALID_ARGUMENT` for a type that the kind does not have and for a payload that its schema refuses.
   */
  append(id: string, events: Input | readonly Input[], options?: AppendEventsOptions): Promise<AppendedEvents>;
  /**
   * Reads, lets `fn` decide what happens, and appends that if nobody came between; otherwise again, with full jitter, then
   * `CONTENTION`. With `expectedPosition` it is tried once. The function is no part of an idempotency key's intent.
   */
  decide(id: string, fn: Decider<Value, Input>, options?: AppendEventsOptions): Promise<DecidedEvents<Value>>;
  /** What happened, with who did it. */
  history(id: string, query?: HistoryQuery<Event["type"]>): Promise<HistoryPage<Event>>;
  /**
   * The value as it was at a position, or at a moment. Reads the events up to there. Throws `INVALID_ARGUMENT` beyond the
   * newest event or before the record was made, `REPLAY_WINDOW_EXCEEDED` where the events are no longer kept.
   */
  at(id: string, when: Position | Date, options?: CallOptions): Promise<PastValue<Value>>;
  /** Makes the snapshot anew from the events. */
  repair(id: string, options?: CallOptions): Promise<Repaired>;
  /** Ends the record, its history with it. False if there was none to end. */
  destroy(id: string, options?: ChangeOptions): Promise<boolean>;
  /** The caller's own, newest first. */
  list(options?: ListQuery): Promise<EventSourcedList>;
}

/** The caller's records of an event-sourced kind with many records, each under a handle. */
export interface EventSourcedRecords<Value, Event extends AnyEvent, Input extends AnyInput>
  extends HandledEventSourced<Value, Event, Input> {
  /** Mints a record, with its first events in the same commit. */
  create(
    events?: Input | readonly Input[],
    options?: Omit<AppendEventsOptions, "expectedPosition">,
  ): Promise<EventSourcedView<Value>>;
}

/** The caller's records of an event-sourced kind that are found by name. */
export interface NamedEventSourced<Value, Event extends AnyEvent, Input extends AnyInput>
  extends HandledEventSourced<Value, Event, Input> {
  /** The record of this name, 1 to 128 characters. Made on first use. */
  open(name: string): EventSourcedHandle<Value, Event, Input>;
}

/** An event-sourced record in a listing, which is without values. */
export type ListedEventSourced = Omit<ListedRecord, "counters" | "heads"> & {
  /** Of the newest event. */
  readonly position: Position;
};

/** A page of event-sourced records. `next` is the `after` of the following one. */
export type EventSourcedList = {
  readonly records: readonly ListedEventSourced[];
  readonly next?: string | undefined;
};
