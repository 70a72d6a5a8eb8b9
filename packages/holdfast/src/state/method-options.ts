/**
 * The options that methods take. A name that no option has is refused: a condition with a slip in its name would be no
 * condition, and the change would be made all the same.
 */
import { refuseUnknownNames } from "../record/option-names.ts";
import type { ChannelQuery, JoinOptions } from "./channels/types.ts";
import type { DisposableOptions } from "./disposables/types.ts";
import type { AppendEventsOptions, HistoryQuery } from "./events/types.ts";
import type { ShareOptions } from "./grants/types.ts";
import type { LockOptions, RenewOptions } from "./leases/types.ts";
import type { OnceCall } from "./once/types.ts";
import type {
  AppendOptions,
  CallOptions,
  ChangeOptions,
  ConditionalOptions,
  CounterBounds,
  EventsQuery,
  GetOptions,
  Idempotency,
  IncrementOptions,
  ListQuery,
  SessionInput,
} from "./types.ts";

/** Throws `INVALID_ARGUMENT` for the first name that is none, with the nearest that is one. */
type Check<Options> = (method: string, given: Options) => void;
/** All of them and no other, which the compiler sees to. */
type Names<Options> = { readonly [Name in keyof Options]-?: true };

function only<Options extends object>(names: Names<Options>): Check<Options> {
  const known: ReadonlySet<string> = new Set(Object.keys(names));
  return (method, given) => {
    // Asked for each call: nothing is made unless there is something to refuse.
    for (const name in given) if (!known.has(name)) refuseUnknownNames(method, given, [...known]);
  };
}

type ContextOptions = CallOptions & { readonly maxEvents?: number; readonly maxTurns?: number };

const call: Names<CallOptions> = { signal: true };
const change: Names<ChangeOptions> = { ...call, idempotency: true, fence: true };
const bounds: Names<CounterBounds> = { min: true, max: true };
const list: Names<ListQuery> = { ...call, after: true, limit: true, replica: true };

export const checkCall: Check<CallOptions> = only<CallOptions>(call);
export const checkChange: Check<ChangeOptions> = only<ChangeOptions>(change);
export const checkConditional: Check<ConditionalOptions> = only<ConditionalOptions>({ ...change, ifVersion: true });
export const checkBounds: Check<CounterBounds> = only<CounterBounds>(bounds);
export const checkIncrement: Check<IncrementOptions> = only<IncrementOptions>({ ...change, ...bounds, append: true });
export const checkAppend: Check<AppendOptions> = only<AppendOptions>({ ...change, expectedHead: true });
export const checkGet: Check<GetOptions> = only<GetOptions>({ ...call, replica: true, minVersion: true });
export const checkList: Check<ListQuery> = only<ListQuery>(list);
export const checkEvents: Check<EventsQuery> = only<EventsQuery>({
  ...list,
  incarnation: true,
  before: true,
  order: true,
});
export const checkIdempotency: Check<Idempotency> = only<Idempotency>({ key: true, intent: true });
export const checkShare: Check<ShareOptions> = only<ShareOptions>({ ...call, with: true, access: true, expires: true });
export const checkLock: Check<LockOptions> = only<LockOptions>({ ...call, ttlMs: true, waitMs: true });
export const checkRenew: Check<RenewOptions> = only<RenewOptions>({ ...call, ttlMs: true });
export const checkOnce: Check<OnceCall> = only<OnceCall>({
  ...call,
  name: true,
  key: true,
  intent: true,
  waitMs: true,
});
export const checkSessionInput: Check<SessionInput> = only<SessionInput>({ label: true, metadata: true });
export const checkContext: Check<ContextOptions> = only<ContextOptions>({
  ...call,
  maxEvents: true,
  maxTurns: true,
});
export const checkDisposable: Check<DisposableOptions<never>> = only<DisposableOptions<never>>({
  ...call,
  dispose: true,
});
export const checkJoin: Check<JoinOptions> = only<JoinOptions>({ ...call, label: true, stay: true });
export const checkChannelQuery: Check<ChannelQuery> = only<ChannelQuery>({
  ...call,
  after: true,
  incarnation: true,
  limit: true,
  as: true,
});
export const checkAppendEvents: Check<AppendEventsOptions> = only<AppendEventsOptions>({
  ...change,
  expectedPosition: true,
  agent: true,
});
export const checkHistory: Check<HistoryQuery> = only<HistoryQuery>({
  ...call,
  after: true,
  incarnation: true,
  before: true,
  limit: true,
  order: true,
  type: true,
  agent: true,
  client: true,
  tool: true,
  call: true,
  since: true,
  until: true,
});
