/** Kinds, the hold and `serve()`: what authors of servers use. Every name is listed by hand; what is not here may change at any time. */

export { holdfast } from "./hold.ts";
export { serveDefaults } from "./mcp/defaults.ts";
export { type KindTools, kindTools } from "./mcp/kind-tools.ts";
export { publicAnonymous } from "./mcp/public-anonymous.ts";
export { reply } from "./mcp/reply.ts";
export { withState } from "./mcp/request-state/with-state.ts";
export { serve } from "./mcp/serve.ts";
export type { StepUpPurpose } from "./mcp/step-up/purposes.ts";
export { type Requirements, requires } from "./mcp/step-up/requires.ts";
export { type ExactlyOnceOptions, exactlyOnce } from "./mcp/tools/exactly-once.ts";
export type {
  App,
  Build,
  Connections,
  FetchOptions,
  NodeListener,
  ServeContext,
  ServeLimits,
  ServeOptions,
  ServerInfo,
  StdioHandle,
  StdioOptions,
  TurnOptions,
} from "./mcp/types.ts";
export { openStore } from "./open.ts";
export type { ErrorCode, ErrorInit } from "./record/errors.ts";
export { errorCodes, HoldfastError, isHoldfastError } from "./record/errors.ts";
export type { IndexedFields, Lifetime, Owner, Position, RecordKey, StreamHead, Version } from "./record/record.ts";
export type { AuthAnswer, Authenticate, AuthRequest } from "./security/authenticate.ts";
export type { Principal } from "./security/principal.ts";
export { localUser } from "./security/principal.ts";
export {
  type OpenedRequestState,
  type RequestStateBinding,
  type RequestStateCodec,
  type RequestStateKey,
  type RequestStateOptions,
  requestStateCodec,
} from "./security/request-state.ts";
export {
  noSealingKeys,
  type SealingKey,
  type SealingKeys,
  sealingKeys,
  sealingKeysFromFile,
} from "./security/sealing/keys.ts";
export type {
  Broadcasted,
  Channel,
  ChannelMember,
  ChannelMessage,
  ChannelPage,
  ChannelQuery,
  Channels,
  JoinOptions,
  Membership,
  Presence,
} from "./state/channels/types.ts";
export type {
  DisposableLimits,
  DisposableOptions,
  HoldsDisposables,
  MakeDisposable,
} from "./state/disposables/types.ts";
export type { AnyEventSourcedKind, EventSourcedKind } from "./state/events/kind.ts";
export { eventSourced } from "./state/events/kind.ts";
export type {
  AnyEvent,
  AnyInput,
  AppendEventsOptions,
  AppendedEvents,
  DecidedEvents,
  Decider,
  Decision,
  EventInput,
  EventOrigin,
  EventSchemas,
  EventSourcedHandle,
  EventSourcedLimits,
  EventSourcedList,
  EventSourcedOptions,
  EventSourcedRecords,
  EventSourcedView,
  HandledEventSourced,
  HistoryPage,
  HistoryQuery,
  ListedEventSourced,
  NamedEventSourced,
  OlderEvent,
  PastValue,
  RecordedEvent,
  Repaired,
} from "./state/events/types.ts";
export type {
  Access,
  Grant,
  GrantList,
  ReceivedGrant,
  ReceivedGrantList,
  ShareOptions,
  Sharing,
} from "./state/grants/types.ts";
export type {
  ConflictReport,
  EndedListener,
  EndedRecord,
  Hold,
  HoldCounts,
  HoldOptions,
  HoldWarning,
  MemoryWarning,
  SealingOptions,
  SessionLifetime,
} from "./state/hold.ts";
export type { AnyKind, Kind, RecordsOf, State } from "./state/kind.ts";
export { kind } from "./state/kind.ts";
export type {
  Fence,
  Lock,
  LockedWork,
  LockOptions,
  Locks,
  RecordLock,
  RecordLocks,
  RenewOptions,
} from "./state/leases/types.ts";
export { type HoldLimits, holdDefaults } from "./state/limits.ts";
export type { DeepPartial } from "./state/merge-patch.ts";
export type { Once, OnceCall } from "./state/once/types.ts";
export { notFound } from "./state/refusals.ts";
export type { Confirmation, SessionStepUp, StepUpRequest, StepUps } from "./state/step-up/types.ts";
export type {
  Appended,
  AppendOptions,
  CallOptions,
  Changed,
  ChangeOptions,
  ConditionalOptions,
  CounterBounds,
  CountOptions,
  Duration,
  EventsQuery,
  EventsResult,
  FieldsQuery,
  GetOptions,
  Idempotency,
  Incremented,
  IncrementOptions,
  KindLimits,
  KindOptions,
  KindScope,
  ListedRecord,
  ListedSession,
  ListQuery,
  ListResult,
  NamedRecords,
  NoFields,
  Recorded,
  RecordHandle,
  Records,
  RecordView,
  ReplicaOptions,
  Session,
  SessionContext,
  SessionDocument,
  SessionInput,
  SessionList,
  Sessions,
  SessionView,
  Transaction,
  Turn,
  Updater,
} from "./state/types.ts";
export { type CachedStore, type CacheOptions, cached, type RecordCache } from "./store/cached.ts";
export type { Quota, Store, Usage } from "./store/contract.ts";
export type { StoreFigures, StoreHealth, StoreTraits } from "./store/traits.ts";
// What an author of a store needs besides is in `holdfast/contract`.
export type { StateChange } from "./telemetry/state-change.ts";
export type { TelemetryOptions } from "./telemetry/telemetry.ts";
