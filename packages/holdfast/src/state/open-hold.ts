import { HoldfastError } from "../record/errors.ts";
import { refuseUnknownNames } from "../record/option-names.ts";
import type { Owner } from "../record/record.ts";
import { isAnonymous, isAnyone } from "../security/anonymous.ts";
import { ownerOfPrincipal, type Principal } from "../security/principal.ts";
import type { Secrets } from "../security/sealing/secrets.ts";
import type { ReapAnswer, ReapedRecord, Store, Usage } from "../store/contract.ts";
import { resolving } from "../store/resolving.ts";
import type { StoreHealth, StoreTraits } from "../store/traits.ts";
import { Telemetry, type TelemetryInit } from "../telemetry/telemetry.ts";
import { anonymousFace, anonymousNames } from "./anonymous/faces.ts";
import { OwnChannel } from "./channels/channel.ts";
import { channelPrefix, defineChannel } from "./channels/definition.ts";
import type { Channels } from "./channels/types.ts";
import type { ConflictLogOptions } from "./conflicts.ts";
import type { KindDefinition } from "./definition.ts";
import { Disposables } from "./disposables/disposables.ts";
import { resolveDisposableLimits } from "./disposables/limits.ts";
import type { DisposableLimits } from "./disposables/types.ts";
import { hashed } from "./document.ts";
import { durationMs } from "./duration.ts";
import { Engine } from "./engine.ts";
import { sourcedFace } from "./events/records.ts";
import { isSourced } from "./events/scope.ts";
import { grantKind, grantPrefix } from "./grants/records.ts";
import type {
  EndedListener,
  Hold,
  HoldCounts,
  HoldOptions,
  HoldWarning,
  SealingOptions,
  SessionLifetime,
} from "./hold.ts";
import { type AnyKind, definitionOf, type State } from "./kind.ts";
import { locksOf } from "./leases/locks.ts";
import { type HoldLimits, resolveLimits } from "./limits.ts";
import { isTold, measured, noticing } from "./observed-store.ts";
import { callOnce } from "./once/once.ts";
import type { Once } from "./once/types.ts";
import { Reaper } from "./reaper.ts";
import { ManyRecords, OneRecord, RecordsByName } from "./records.ts";
import { addressOf, Scope } from "./scope.ts";
import { checkSealing, sealingStore, secretsOf } from "./sealing/open.ts";
import type { ExpiredListener, ServingHold } from "./serving-hold.ts";
import { transportKind, transportOf } from "./sessions/connection.ts";
import { defineSession, sessionDefaults, sessionKind, sessionPrefix } from "./sessions/definition.ts";
import { OwnSessions } from "./sessions/sessions.ts";
import { TurnRecorder } from "./sessions/turns.ts";
import { OwnStepUps } from "./step-up/own-step-ups.ts";
import { Seat } from "./step-up/seat.ts";
import type { StepUps } from "./step-up/types.ts";
import { tracedFace } from "./traced-face.ts";
import type { Sessions } from "./types.ts";
import { watchHold } from "./watch-hold.ts";

const optionNames = [
  "store",
  "kinds",
  "limits",
  "sealing",
  "sessions",
  "disposables",
  "reap",
  "telemetry",
  "onStateChange",
  "onConflict",
  "onWarning",
  "onError",
] as const;

/** The options of a hold, checked, apart from its store. */
export type ResolvedHoldOptions<Kinds extends readonly AnyKind[]> = {
  readonly kinds: Kinds;
  readonly limits: HoldLimits;
  readonly sealing: SealingOptions | undefined;
  readonly sessionLifetime: SessionLifetime;
  readonly disposables: DisposableLimits;
  readonly reap: { readonly everyMs: number; readonly batch: number } | undefined;
  readonly onError: (error: unknown) => void;
  readonly hear: Pick<ConflictLogOptions, "onConflict" | "onWarning">;
  readonly telemetry: Pick<TelemetryInit, "options" | "onStateChange">;
};

/** Throws `INVALID_ARGUMENT` naming what is wrong; nothing has been opened yet. */
export function resolveHoldOptions<const Kinds extends readonly AnyKind[]>(
  options: HoldOptions<Kinds>,
): ResolvedHoldOptions<Kinds> {
  if (options?.store === undefined || options.store === null) throw noStore();
  refuseUnknownNames("holdfast()", options, optionNames);
  const { sessions = {}, reap = {} } = options;
  refuseUnknownNames("sessions", sessions, ["idle", "absolute"]);
  if (reap !== false) refuseUnknownNames("reap", reap, ["every", "batch"]);
  const { telemetry = {} } = options;
  if (telemetry !== false) refuseUnknownNames("telemetry", telemetry, ["meterProvider", "tracerProvider"]);
  // Without kinds the tuple is empty, which is what the type parameter's default says.
  const kinds = (options.kinds ?? []) as Kinds;
  refuseClashes(kinds);
  checkSealing(kinds.map(definitionOf), options.sealing);
  return {
    kinds,
    limits: resolveLimits(options.limits),
    sealing: options.sealing,
    sessionLifetime: {
      idleMs: durationMs(sessions.idle ?? sessionDefaults.idleMs, "sessions.idle"),
      absoluteMs: durationMs(sessions.absolute ?? sessionDefaults.absoluteMs, "sessions.absolute"),
    },
    disposables: resolveDisposableLimits(options.disposables),
    reap: reap === false ? undefined : resolveReap(reap),
    onError: quietly(options.onError),
    hear: { onConflict: options.onConflict, onWarning: options.onWarning },
    telemetry: { options: options.telemetry, onStateChange: options.onStateChange },
  };
}

/** Mostly an environment variable that is not set. */
function noStore(): HoldfastError {
  return new HoldfastError(
    "INVALID_ARGUMENT",
    'holdfast() needs a store: a URL such as "sqlite:./state.db", or a store that is open already',
  );
}

/** Without a listener there is nobody to tell; a listener that throws must not stop what it listens to. */
function quietly(onError: HoldOptions["onError"]): (error: unknown) => void {
  return (error) => {
    try {
      onError?.(error);
    } catch {
      // There is nobody left to tell.
    }
  };
}

function resolveReap({ every = "1m", batch = 500 }: Exclude<HoldOptions["reap"], false | undefined>): {
  readonly everyMs: number;
  readonly batch: number;
} {
  if (!(Number.isSafeInteger(batch) && batch >= 1 && batch <= 10_000)) {
    throw new HoldfastError("INVALID_ARGUMENT", `reap.batch is a whole number from 1 to 10000, not ${String(batch)}`);
  }
  // A timer of Node counts to 2^31 - 1 milliseconds; half of it leaves room for the jitter.
  return { everyMs: Math.min(durationMs(every, "reap.every"), 2 ** 30), batch };
}

/** A handle has to say by itself what kind it is of, so names and prefixes are unique within a hold. */
function refuseClashes(kinds: readonly AnyKind[]): void {
  const names = new Set<string>([sessionKind]);
  const prefixes = new Map<string, string>([
    [sessionPrefix, sessionKind],
    [grantPrefix, grantKind],
    [channelPrefix, "channel"],
  ]);
  for (const { name, prefix } of kinds.map(definitionOf)) {
    if (names.has(name)) throw new HoldfastError("INVALID_ARGUMENT", `two kinds are called "${name}"`);
    const other = prefixes.get(prefix);
    if (other !== undefined) {
      throw new HoldfastError(
        "INVALID_ARGUMENT",
        `kinds "${other}" and "${name}" both have the prefix "${prefix}"; give one another`,
      );
    }
    names.add(name);
    prefixes.set(prefix, name);
  }
}

export class OpenHold<Kinds extends readonly AnyKind[]> implements Hold<Kinds> {
  readonly traits: StoreTraits;
  readonly kinds: Kinds;
  readonly limits: HoldLimits;
  readonly sessionLifetime: SessionLifetime;
  readonly #store: Store;
  readonly #secrets: Secrets | undefined;
  readonly #turns: TurnRecorder;
  readonly #disposables: Disposables;
  readonly #engine: Engine;
  readonly #session: KindDefinition;
  readonly #channel: KindDefinition;
  readonly #reaper: Reaper | undefined;
  readonly #ownsStore: boolean;
  readonly #telemetry: Telemetry;
  readonly #warn: (warning: HoldWarning) => void;
  readonly #unwatch: () => void;
  readonly #expiredListeners = new Set<ExpiredListener>();
  #reaped = 0;
  #closing: Promise<void> | undefined;

  constructor(store: Store, options: ResolvedHoldOptions<Kinds>, ownsStore: boolean) {
    const { kinds, limits, sessionLifetime, reap, onError, hear } = options;
    this.traits = store.traits;
    this.kinds = kinds;
    this.limits = limits;
    this.sessionLifetime = sessionLifetime;
    this.#ownsStore = ownsStore;
    const telemetry = new Telemetry({ ...options.telemetry, onError });
    this.#telemetry = telemetry;
    const plain = noticing(resolving(measured(store, telemetry)), telemetry);
    this.#warn = (warning) => {
      try {
        hear.onWarning?.(warning);
      } catch (error) {
        onError(error);
      }
    };
    this.#store = sealingStore(plain, kinds.map(definitionOf), options.sealing, hear.onWarning);
    this.#secrets = secretsOf(options.sealing);
    this.#engine = new Engine({ store: this.#store, limits, onError, hear, telemetry });
    this.#session = defineSession(limits, sessionLifetime);
    this.#channel = defineChannel(limits);
    this.#turns = new TurnRecorder({ engine: this.#engine, keep: limits.maxTurnsKept });
    this.#disposables = new Disposables(this.#engine, options.disposables);
    const onReaped = (answer: ReapAnswer): void => this.#onReaped(answer);
    const onSwept = (ms: number): void => telemetry.metrics?.record("holdfast.reaper.duration", ms / 1_000);
    this.#reaper = reap && new Reaper({ store: resolving(store), ...reap, onReaped, onSwept, onError });
    this.#unwatch = watchHold(telemetry, this.#store, () => this.counts);
  }

  /** See `servingHold`. */
  static serving(hold: object): ServingHold {
    if (typeof hold !== "object" || hold === null || !(#store in hold))
      throw new HoldfastError("INVALID_ARGUMENT", "only a hold that holdfast() made can be served");
    // A name for what the check above has found out.
    const open: OpenHold<readonly AnyKind[]> = hold;
    const engine = open.#engine;
    return {
      store: open.#store,
      secrets: open.#secrets,
      turns: open.#turns,
      attach: () => open.#disposables.attach(),
      telemetry: open.#telemetry,
      warn: open.#warn,
      limits: open.limits,
      sessionLifetime: open.sessionLifetime,
      sessionQuota: engine.creationQuota(open.#session),
      callOnce: (owner, call, work) => callOnce(engine, owner, call, work),
      sessions: (principal) => open.sessions(principal),
      seat: (owner, name) => new Seat(engine, owner, name),
      onEnded: (listener) => open.onEnded(listener),
      onExpired: (listener) => {
        open.#expiredListeners.add(listener);
        return () => void open.#expiredListeners.delete(listener);
      },
      // Where a call counts once already, so do the calls in it.
      withinCall: (call, fn) => engine.calls.run({ ...engine.calls.get(), ...call }, fn),
      noteTransport: (owner, { id, lifetime, expiresAt, deadlineAt }) => {
        engine.companionLives.set(addressOf(owner, { kind: sessionKind, id }), { lifetime, expiresAt, deadlineAt });
      },
      announceEnded: (owner, id) => {
        for (const kind of [sessionKind, transportKind]) engine.ended.announce(owner, { kind, id }, "ended", true);
      },
    };
  }

  state(principal: Principal): State<Kinds> {
    const owner = ownerOfPrincipal(principal);
    if (isAnonymous(principal)) return this.#anonymousState();
    const entries = this.kinds.map((kind) => [kind.name, this.#recordsOf(owner, definitionOf(kind))] as const);
    // One entry per kind, each made by the kind's own scope: what the mapped type says.
    return Object.assign(Object.fromEntries(entries), locksOf(this.#engine, owner), {
      once: (call, fn) => callOnce(this.#engine, owner, call, { run: fn }),
      channel: (name) => new OwnChannel(new Scope(this.#engine, owner, this.#channel), name),
    } satisfies Once & Channels) as State<Kinds>;
  }

  sessions(principal: Principal): Sessions {
    if (isAnonymous(principal)) return this.#anonymousSessions();
    const scope = new Scope(this.#engine, ownerOfPrincipal(principal), this.#session, { companionOf: transportOf });
    const parts = { scope, turns: this.#turns, disposables: this.#disposables };
    return tracedFace(new OwnSessions(parts), sessionKind, this.#telemetry);
  }

  stepUps(principal: Principal): StepUps {
    if (isAnonymous(principal)) {
      throw new HoldfastError("INVALID_ARGUMENT", "anonymous callers confirm nothing: nobody knows who they are");
    }
    return new OwnStepUps(this.#engine, ownerOfPrincipal(principal));
  }

  async usage(principal: Principal, options: { readonly signal?: AbortSignal } = {}): Promise<Usage> {
    // What lies in the partition of those without a session is nobody's.
    if (isAnyone(principal)) return { records: 0, bytes: 0, byKind: {} };
    return await this.#engine.usage(ownerOfPrincipal(principal), options);
  }

  async health(options: { readonly signal?: AbortSignal } = {}): Promise<StoreHealth> {
    return await this.#store.health(options);
  }

  get counts(): HoldCounts {
    const { written, lost } = this.#turns;
    const { counts, conflicts, leases, updateLeases } = this.#engine;
    return {
      ...counts,
      conflicts: conflicts.conflicts,
      retries: conflicts.retries,
      updates: conflicts.updates,
      retriesPerUpdate: [...conflicts.retriesPerUpdate],
      updateLeases: updateLeases.taken,
      locks: leases.held,
      turnsWritten: written,
      turnsLost: lost,
      disposables: this.#disposables.open,
      disposableFailures: this.#disposables.failures,
      reaped: this.#reaped,
    };
  }

  onEnded(listener: EndedListener): () => void {
    return this.#engine.ended.listen(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#unwatch();
    await this.#reaper?.close();
    // While the store can still be reached: what closes may have something to write.
    await this.#disposables.close();
    await this.#turns.close();
    this.#engine.close();
    if (this.#ownsStore) await this.#store.close();
  }

  #anonymousState(): State<Kinds> {
    const entries = this.kinds.map((kind) => {
      const definition = definitionOf(kind);
      const face = anonymousFace({ engine: this.#engine, kind: definition, faceOf });
      return [kind.name, tracedFace(face, definition.name, this.#telemetry)] as const;
    });
    // As `state`: the faces answer what theirs do, or refuse.
    return Object.assign(Object.fromEntries(entries), anonymousNames()) as unknown as State<Kinds>;
  }

  #anonymousSessions(): Sessions {
    const face = anonymousFace({
      engine: this.#engine,
      kind: this.#session,
      companionOf: transportOf,
      faceOf: (scope) => new OwnSessions({ scope, turns: this.#turns, disposables: this.#disposables }),
      opensHandles: true,
    });
    // It has the methods of `OwnSessions`, or refuses them.
    return tracedFace(face as Sessions, sessionKind, this.#telemetry);
  }

  #recordsOf(owner: Owner, definition: KindDefinition): unknown {
    return tracedFace(faceOf(new Scope(this.#engine, owner, definition)), definition.name, this.#telemetry);
  }

  #onReaped({ removed, closed }: ReapAnswer): void {
    const { metrics } = this.#telemetry;
    this.#reaped += removed.length;
    for (const { cause } of removed) metrics?.record("holdfast.reaper.removed", 1, { cause });
    if (closed.length > 0) metrics?.record("holdfast.reaper.closed", closed.length);
    for (const gone of removed) if (!gone.closed) this.#announce(gone, gone.cause);
    for (const over of closed) this.#announce(over, "expired");
    // What was ended was told when it was, and what was closed by the sweep that closed it.
    this.#tellExpired([...removed.filter((gone) => gone.cause === "expired" && !gone.closed), ...closed]);
  }

  #announce({ owner, kind, id }: ReapedRecord, cause: "expired" | "ended"): void {
    this.#engine.ended.announce(owner, { kind, id }, cause, kind === sessionKind || kind === transportKind);
  }

  #tellExpired(expired: readonly ReapedRecord[]): void {
    for (const listener of this.#expiredListeners) listener(expired);
    for (const { kind, id, livedMs } of expired) {
      if (kind === sessionKind) this.#telemetry.metrics?.record("mcp.server.session.duration", livedMs / 1_000);
      if (isTold(kind)) this.#telemetry.change({ change: "expired", kind, idHash: hashed(id) });
    }
  }
}

function faceOf(scope: Scope): object {
  // Which of the two faces it has says the kind; both are objects.
  if (isSourced(scope)) return sourcedFace(scope) as object;
  if (scope.kind.scope === "many") return new ManyRecords(scope);
  if (scope.kind.scope === "named") return new RecordsByName(scope);
  return new OneRecord(scope);
}

/**
 * The serving layer's view of a hold. Private fields keep it from everybody who was only handed the hold.
 * Throws `INVALID_ARGUMENT` for what `holdfast()` did not make.
 */
export function servingHold(hold: Pick<Hold, "sessions">): ServingHold {
  return OpenHold.serving(hold);
}
