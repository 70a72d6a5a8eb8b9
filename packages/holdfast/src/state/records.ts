/** The typed faces of a scope: many records behind handles, named ones, one per principal. */
import { idOfName } from "../record/ids.ts";
import type { IndexedFields } from "../record/record.ts";
import type { ListPage } from "../store/contract.ts";
import { validateName } from "../store/validate.ts";
import { createRecord } from "./create.ts";
import { type Reached, reach, refuseGuests } from "./grants/reach.ts";
import { isGrantHandle } from "./grants/records.ts";
import { grantsOf, revokeGrant, sharedWith, shareRecord } from "./grants/sharing.ts";
import type { Grant, GrantList, ReceivedGrantList, ShareOptions } from "./grants/types.ts";
import { lockRecord, whileLocked } from "./leases/locks.ts";
import type { Lock, LockedWork, LockOptions } from "./leases/types.ts";
import { findPage, listPage } from "./listing.ts";
import type { DeepPartial } from "./merge-patch.ts";
import { appendEvent, destroyRecord, incrementCounter, patchRecord, readEvents, updateRecord } from "./operations.ts";
import { invalid } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import { getRecord, type Target } from "./target.ts";
import type {
  Appended,
  AppendOptions,
  CallOptions,
  ChangeOptions,
  ConditionalOptions,
  EventsQuery,
  EventsResult,
  FieldsQuery,
  GetOptions,
  Incremented,
  IncrementOptions,
  ListQuery,
  ListResult,
  NamedRecords,
  RecordHandle,
  Records,
  RecordView,
  Updater,
} from "./types.ts";
import { listedOf } from "./views.ts";

// The faces below are generic in the value, and the engine is not: a schema's output is what its kind says it is.
type Erased = (draft: unknown, tx: Parameters<Updater<unknown>>[1]) => unknown;

/** What `many` and `named` kinds have in common: everything that takes a handle. */
class HandledRecords<Value, Fields extends IndexedFields> {
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  async get(id: string, options: GetOptions = {}): Promise<RecordView<Value>> {
    const { scope, key } = await this.#reach(id, options);
    return (await getRecord(scope, { key }, options)) as RecordView<Value>;
  }

  async update(id: string, fn: Updater<Value>, options: ConditionalOptions = {}): Promise<RecordView<Value>> {
    const { scope, key } = await this.#reach(id, options);
    return (await updateRecord(scope, { key }, fn as Erased, options)) as RecordView<Value>;
  }

  async patch(id: string, partial: DeepPartial<Value>, options: ConditionalOptions = {}): Promise<RecordView<Value>> {
    const { scope, key } = await this.#reach(id, options);
    return (await patchRecord(scope, { key }, partial, options)) as RecordView<Value>;
  }

  async increment(id: string, counter: string, by = 1, options: IncrementOptions = {}): Promise<Incremented> {
    const { scope, key } = await this.#reach(id, options);
    return await incrementCounter(scope, { key }, counter, by, options);
  }

  async append(id: string, stream: string, event: unknown, options: AppendOptions = {}): Promise<Appended> {
    const { scope, key } = await this.#reach(id, options);
    return await appendEvent(scope, { key }, stream, event, options);
  }

  async events(id: string, stream: string, options: EventsQuery = {}): Promise<EventsResult> {
    const { scope, key } = await this.#reach(id, options);
    return await readEvents(scope, { key }, stream, options);
  }

  async destroy(id: string, options: ConditionalOptions = {}): Promise<boolean> {
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

  async list(options: ListQuery = {}): Promise<ListResult> {
    return listResultOf(await listPage(this.#scope, options));
  }

  async find(where: FieldsQuery<Fields>, options: ListQuery = {}): Promise<ListResult> {
    // Some of the scalars that the kind's index returns, which are what is indexed.
    return listResultOf(await findPage(this.#scope, where as IndexedFields, options));
  }

  /** Most handles are the caller's own, and nothing is asked of anybody to find that out. */
  #reach(id: string, { signal }: CallOptions): Promise<Reached> | Reached {
    return isGrantHandle(id) ? reach(this.#scope, id, signal) : { scope: this.#scope, key: this.#scope.keyOf(id) };
  }
}

export class ManyRecords<Value, Input, Fields extends IndexedFields>
  extends HandledRecords<Value, Fields>
  implements Records<Value, Input, Fields>
{
  readonly #scope: Scope;

  constructor(scope: Scope) {
    super(scope);
    this.#scope = scope;
  }

  async create(value?: Input, options: ChangeOptions = {}): Promise<RecordView<Value>> {
    return (await createRecord(this.#scope, value, options)) as RecordView<Value>;
  }
}

export class RecordsByName<Value, Input, Fields extends IndexedFields>
  extends HandledRecords<Value, Fields>
  implements NamedRecords<Value, Input, Fields>
{
  readonly #scope: Scope;

  constructor(scope: Scope) {
    super(scope);
    this.#scope = scope;
  }

  open(name: string): RecordHandle<Value> {
    if (typeof name !== "string") throw invalid("a record's name is a text");
    validateName("record", name);
    return new OneRecord<Value>(this.#scope, name);
  }
}

/** One record that is made on first use: of a name, or of the principal. */
export class OneRecord<Value> implements RecordHandle<Value> {
  readonly id: string;
  readonly #scope: Scope;
  readonly #target: Target & { readonly createAs: object };

  /** @param name the name it is found by; none for the one record of a principal. */
  constructor(scope: Scope, name?: string) {
    // A name has at least one character, so the record of the principal can never be met by a name.
    this.id = idOfName(scope.kind.prefix, name ?? "");
    this.#scope = scope;
    this.#target = { key: { kind: scope.kind.name, id: this.id }, createAs: { name } };
  }

  async get(options: GetOptions = {}): Promise<RecordView<Value>> {
    return (await getRecord(this.#scope, this.#target, options)) as RecordView<Value>;
  }

  async update(fn: Updater<Value>, options: ConditionalOptions = {}): Promise<RecordView<Value>> {
    return (await updateRecord(this.#scope, this.#target, fn as Erased, options)) as RecordView<Value>;
  }

  async patch(partial: DeepPartial<Value>, options: ConditionalOptions = {}): Promise<RecordView<Value>> {
    return (await patchRecord(this.#scope, this.#target, partial, options)) as RecordView<Value>;
  }

  async increment(counter: string, by = 1, options: IncrementOptions = {}): Promise<Incremented> {
    return await incrementCounter(this.#scope, this.#target, counter, by, options);
  }

  async append(stream: string, event: unknown, options: AppendOptions = {}): Promise<Appended> {
    return await appendEvent(this.#scope, this.#target, stream, event, options);
  }

  async events(stream: string, options: EventsQuery = {}): Promise<EventsResult> {
    return await readEvents(this.#scope, this.#target, stream, options);
  }

  async destroy(options: ConditionalOptions = {}): Promise<boolean> {
    return await destroyRecord(this.#scope, this.#target, options);
  }

  async lock(options: LockOptions = {}): Promise<Lock> {
    return await lockRecord(this.#scope, this.#target.key, options);
  }

  async withLock<R>(options: LockOptions, fn: LockedWork<R>): Promise<R> {
    return await whileLocked(() => this.lock(options), options, fn);
  }
}

function listResultOf({ records, next }: ListPage): ListResult {
  return { records: records.map(listedOf), ...(next !== undefined && { next }) };
}
