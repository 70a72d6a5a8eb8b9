/** The typed faces of event-sourced kinds: many records behind handles, named ones, one per principal. */

import { idOfName } from "../../record/ids.ts";
import type { Position } from "../../record/record.ts";
import { validateName } from "../../store/validate.ts";
import { firstResult } from "../applied.ts";
import { mintOnce } from "../create.ts";
import { reach, refuseGuests } from "../grants/reach.ts";
import { isGrantHandle } from "../grants/records.ts";
import { grantsOf, revokeGrant, sharedWith, shareRecord } from "../grants/sharing.ts";
import type { Grant, GrantList, ReceivedGrantList, ShareOptions } from "../grants/types.ts";
import { lockRecord, whileLocked } from "../leases/locks.ts";
import type { Lock, LockedWork, LockOptions } from "../leases/types.ts";
import { listPage } from "../listing.ts";
import { checkAppendEvents, checkCall } from "../method-options.ts";
import { rememberedStep } from "../once/steps.ts";
import { destroyRecord } from "../operations.ts";
import { invalid } from "../refusals.ts";
import type { CallOptions, ChangeOptions, ListQuery } from "../types.ts";
import { answeredAgain, saidOf } from "./again.ts";
import { appendEvents, appendOf, type SourcedTarget } from "./append.ts";
import { encodeEvents, eventsGiven } from "./codec.ts";
import { creationOf } from "./creation.ts";
import { decideEvents } from "./decide.ts";
import { foldEvents, storedOf } from "./fold.ts";
import { readHistory, valueAt } from "./history.ts";
import { originOf } from "./origin.ts";
import { repairSourced } from "./repair.ts";
import type { SourcedScope } from "./scope.ts";
import { initialValue } from "./snapshot-text.ts";
import { countTail } from "./snapshots.ts";
import type {
  AnyEvent,
  AnyInput,
  AppendEventsOptions,
  AppendedEvents,
  DecidedEvents,
  Decider,
  EventSourcedHandle,
  EventSourcedList,
  EventSourcedRecords,
  EventSourcedView,
  HandledEventSourced,
  HistoryPage,
  HistoryQuery,
  NamedEventSourced,
  PastValue,
  Repaired,
} from "./types.ts";
import { getSourced, listedSourced, viewOfAppended } from "./views.ts";

// The faces are generic in the value and the events, and the engine is not: what a kind's schemas let through is what its
// types say.
type Erased = (value: unknown, view: EventSourcedView<unknown>) => unknown;
type Given<Input extends AnyInput> = Input | readonly Input[];

class HandledSourced<Value, Event extends AnyEvent, Input extends AnyInput>
  implements HandledEventSourced<Value, Event, Input>
{
  readonly #scope: SourcedScope;

  constructor(scope: SourcedScope) {
    this.#scope = scope;
  }

  async get(id: string, options: CallOptions = {}): Promise<EventSourcedView<Value>> {
    return await (await this.#one(id, options)).get(options);
  }

  async append(id: string, events: Given<Input>, options: AppendEventsOptions = {}): Promise<AppendedEvents> {
    return await (await this.#one(id, options)).append(events, options);
  }

  async decide(
    id: string,
    fn: Decider<Value, Input>,
    options: AppendEventsOptions = {},
  ): Promise<DecidedEvents<Value>> {
    return await (await this.#one(id, options)).decide(fn, options);
  }

  async history(id: string, query: HistoryQuery<Event["type"]> = {}): Promise<HistoryPage<Event>> {
    return await (await this.#one(id, query)).history(query);
  }

  async at(id: string, when: Position | Date, options: CallOptions = {}): Promise<PastValue<Value>> {
    return await (await this.#one(id, options)).at(when, options);
  }

  async repair(id: string, options: CallOptions = {}): Promise<Repaired> {
    return await (await this.#one(id, options)).repair(options);
  }

  async destroy(id: string, options: ChangeOptions = {}): Promise<boolean> {
    const key = this.#scope.keyIfWellFormed(id);
    return key === undefined ? false : await destroyRecord(this.#scope, { key }, options);
  }

  async share(id: string, options: ShareOptions): Promise<Grant> {
    return await shareRecord(this.#scope, id, options);
  }

  async revoke(grant: string, options: CallOptions = {}): Promise<boolean> {
    return await revokeGrant(this.#scope, grant, options);
  }

  async grants(id: string, options: ListQuery = {}): Promise<GrantList> {
    return await grantsOf(this.#scope, id, options);
  }

  async shared(options: ListQuery = {}): Promise<ReceivedGrantList> {
    return await sharedWith(this.#scope, options);
  }

  async lock(id: string, options: LockOptions = {}): Promise<Lock> {
    refuseGuests(id);
    const key = this.#scope.keyOf(id);
    return await lockRecord(this.#scope, key, options, [{ ...key, expect: "present", slide: true }]);
  }

  async withLock<R>(id: string, options: LockOptions, fn: LockedWork<R>): Promise<R> {
    return await whileLocked(() => this.lock(id, options), options, fn);
  }

  async list(options: ListQuery = {}): Promise<EventSourcedList> {
    const { records, next } = await listPage(this.#scope, options);
    return { records: records.map(listedSourced), ...(next !== undefined && { next }) };
  }

  /** Most handles are the caller's own, and nothing is asked of anybody to find that out. */
  async #one(id: string, { signal }: CallOptions): Promise<OneSourced<Value, Event, Input>> {
    if (!isGrantHandle(id)) return new OneSourced(this.#scope, { key: this.#scope.keyOf(id) });
    const { scope, key } = await reach(this.#scope, id, signal);
    return new OneSourced(scope, { key });
  }
}

class ManySourced<Value, Event extends AnyEvent, Input extends AnyInput>
  extends HandledSourced<Value, Event, Input>
  implements EventSourcedRecords<Value, Event, Input>
{
  readonly #scope: SourcedScope;

  constructor(scope: SourcedScope) {
    super(scope);
    this.#scope = scope;
  }

  async create(
    events?: Given<Input>,
    options: Omit<AppendEventsOptions, "expectedPosition"> = {},
  ): Promise<EventSourcedView<Value>> {
    return (await createSourced(this.#scope, events, options)) as EventSourcedView<Value>;
  }
}

class SourcedByName<Value, Event extends AnyEvent, Input extends AnyInput>
  extends HandledSourced<Value, Event, Input>
  implements NamedEventSourced<Value, Event, Input>
{
  readonly #scope: SourcedScope;

  constructor(scope: SourcedScope) {
    super(scope);
    this.#scope = scope;
  }

  open(name: string): EventSourcedHandle<Value, Event, Input> {
    if (typeof name !== "string") throw invalid("a record's name is a text");
    validateName("record", name);
    return new OneSourced<Value, Event, Input>(this.#scope, namedTarget(this.#scope, name));
  }
}

/** One record, whatever names it. */
class OneSourced<Value, Event extends AnyEvent, Input extends AnyInput>
  implements EventSourcedHandle<Value, Event, Input>
{
  readonly id: string;
  readonly #scope: SourcedScope;
  readonly #target: SourcedTarget;

  constructor(scope: SourcedScope, target: SourcedTarget) {
    this.id = target.key.id;
    this.#scope = scope;
    this.#target = target;
  }

  async get(options: CallOptions = {}): Promise<EventSourcedView<Value>> {
    return (await getSourced(this.#scope, this.#target, options)) as EventSourcedView<Value>;
  }

  async append(events: Given<Input>, options: AppendEventsOptions = {}): Promise<AppendedEvents> {
    return await appendEvents(this.#scope, this.#target, events, options);
  }

  async decide(fn: Decider<Value, Input>, options: AppendEventsOptions = {}): Promise<DecidedEvents<Value>> {
    return (await decideEvents(this.#scope, this.#target, fn as Erased, options)) as DecidedEvents<Value>;
  }

  async history(query: HistoryQuery<Event["type"]> = {}): Promise<HistoryPage<Event>> {
    return (await readHistory(this.#scope, this.#target, query)) as HistoryPage<Event>;
  }

  async at(when: Position | Date, options: CallOptions = {}): Promise<PastValue<Value>> {
    return (await valueAt(this.#scope, this.#target, when, options)) as PastValue<Value>;
  }

  async repair(options: CallOptions = {}): Promise<Repaired> {
    checkCall("repair", options);
    return await repairSourced(this.#scope, this.#target.key, options.signal);
  }

  async lock(options: LockOptions = {}): Promise<Lock> {
    return await lockRecord(this.#scope, this.#target.key, options);
  }

  async withLock<R>(options: LockOptions, fn: LockedWork<R>): Promise<R> {
    return await whileLocked(() => this.lock(options), options, fn);
  }

  async destroy(options: ChangeOptions = {}): Promise<boolean> {
    return await destroyRecord(this.#scope, this.#target, options);
  }
}

/** The record of a name, or the one of the principal: a name has at least one character, so the two never meet. */
function namedTarget({ kind }: SourcedScope, name?: string): SourcedTarget {
  return { key: { kind: kind.name, id: idOfName(kind.prefix, name ?? "") }, createAs: { name } };
}

/** Mints a record, with its first events in the same commit. */
async function createSourced(
  scope: SourcedScope,
  given: unknown,
  options: Omit<AppendEventsOptions, "expectedPosition">,
): Promise<EventSourcedView<unknown>> {
  checkAppendEvents("create", options);
  const { agent, signal } = options;
  const { kind } = scope;
  const events = given === undefined || (Array.isArray(given) && given.length === 0) ? [] : eventsGiven(given);
  let texts: readonly string[] = [];
  const { key, applied, first } = await mintOnce(scope, { events }, options, async () => {
    texts = await encodeEvents(kind, events, originOf(scope, agent));
    // Tried out first: an event that the value cannot take must not get into the log.
    await foldEvents(kind, { value: await initialValue(kind), position: 0 }, storedOf(texts, 0, Date.now()));
    return {
      create: await creationOf(scope),
      said: saidOf(scope, 0, texts),
      ...(texts.length > 0 && { appends: [appendOf(texts, undefined)], counters: [countTail(texts.length)] }),
    };
  });
  if (applied === undefined) {
    const step = await rememberedStep(scope.engine, scope.owner, first?.commitId, signal);
    const again = first && (await answeredAgain(scope, key, first, step));
    return again?.view ?? (await getSourced(scope, { key }, { ...(signal && { signal }) }));
  }
  const start = { value: await initialValue(kind), position: 0 };
  const folded = await foldEvents(kind, start, storedOf(texts, 0, applied.at));
  return viewOfAppended(key, undefined, firstResult(applied), applied.at, folded);
}

/** The faces of a kind by its scope. */
export function sourcedFace(scope: SourcedScope): unknown {
  if (scope.kind.scope === "many") return new ManySourced(scope);
  if (scope.kind.scope === "named") return new SourcedByName(scope);
  return new OneSourced(scope, namedTarget(scope));
}
