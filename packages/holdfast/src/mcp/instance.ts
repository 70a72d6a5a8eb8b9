/** Builds the servers that answer: one per request of the 2026-07-28 era, one per session of the 2025 era. */
import { type Implementation, McpServer, type McpServerOptions } from "@modelcontextprotocol/server";
import { HoldfastError } from "../record/errors.ts";
import type { Owner } from "../record/record.ts";
import { isAnonymous, isAnyone } from "../security/anonymous.ts";
import { ownerOfPrincipal, type Principal } from "../security/principal.ts";
import { refused } from "../state/anonymous/faces.ts";
import { ContextLocal } from "../state/context-local.ts";
import type { Hold } from "../state/hold.ts";
import type { AnyKind } from "../state/kind.ts";
import { servingHold } from "../state/open-hold.ts";
import type { ServingHold } from "../state/serving-hold.ts";
import type { Session } from "../state/types.ts";
import type { EventBus } from "./bus/bus.ts";
import type { ConnectionRegistry, Release } from "./connections.ts";
import { declare, declaredLater } from "./declared.ts";
import type { Addresses } from "./http/addresses.ts";
import type { InFlight } from "./http/in-flight.ts";
import { observeRequests } from "./observe-requests.ts";
import type { ResolvedServeOptions } from "./options.ts";
import type { Parks } from "./parked.ts";
import { withoutLists } from "./public-anonymous.ts";
import { callerOf } from "./rates/rates.ts";
import { givenKeys } from "./request-state/key-ring.ts";
import { StoredKeys } from "./request-state/stored-keys.ts";
import { type StateSealing, verifier, wireRequestState } from "./request-state/wire.ts";
import { guesserOf, type MissedIds } from "./sessions/missed-ids.ts";
import { seatName } from "./step-up/seat-name.ts";
import { makeSubscribable } from "./subscribable.ts";
import { missingFor, type ToolScopes } from "./tool-scopes.ts";
import type { RunOnce } from "./tools/exactly-once.ts";
import { SchemaCache } from "./tools/schemas.ts";
import { keptTurn, sessionNamedIn, type TurnPolicy } from "./tools/turn.ts";
import { type FinishedCall, type ToolWrapping, wrapTools } from "./tools/wrap.ts";
import type { Build, ServerInfo } from "./types.ts";
import { wrapReads } from "./wrap-reads.ts";

/** Whom an instance is made for. */
export type Caller = {
  readonly principal: Principal;
  readonly session: Session | undefined;
  readonly connection: Map<string, unknown>;
  readonly era: "2025" | "2026";
  /** Where calls can wait in the store for their client. Elsewhere it is asked as the SDK asks. */
  readonly parks?: Parks | undefined;
  /** Hears of resources that the client of a stdio connection subscribes to; those of sessions are kept with them. */
  readonly onSubscription?: ((uri: string, subscribed: boolean) => void) | undefined;
};

export type InstanceFactory = (caller: Caller) => McpServer;

export type InstanceParts<Kinds extends readonly AnyKind[]> = {
  readonly hold: Hold<Kinds>;
  readonly info: ServerInfo;
  readonly build: Build<Kinds>;
  readonly options: ResolvedServeOptions;
  readonly bus: EventBus;
  readonly connections: ConnectionRegistry;
  /** Ids that led nowhere, of sessions and of records alike. */
  readonly missed: Pick<MissedIds, "note">;
  /** Calls that are being carried out, which may outlive the requests that they came by. */
  readonly calls: Pick<InFlight, "begin">;
  /** Where the requests of callers come from whom nobody knows. */
  readonly addresses: Pick<Addresses, "of">;
};

/** What never changes from one instance to the next is made once, here. */
export function instanceFactory<Kinds extends readonly AnyKind[]>(parts: InstanceParts<Kinds>): InstanceFactory {
  const { hold, build, options, bus, missed, addresses } = parts;
  const serving = servingHold(hold);
  const sealing = sealingOf(options, serving);
  const { implementation, serverOptions } = describe(parts.info, options.server, sealing);
  const { early, declared } = declaredLater(serverOptions);
  const schemas = new SchemaCache();
  const { turns } = serving;
  // A session's instance may have been made with another token than the one its next call comes with.
  const scopesOfCall = new ContextLocal<readonly string[]>();
  return (caller) => {
    const { session } = caller;
    const principal = withScopesOfCall(caller.principal, scopesOfCall);
    const owner = ownerOfPrincipal(principal);
    const server = new McpServer(implementation, early);
    const remember =
      (policy: TurnPolicy) =>
      (call: FinishedCall): void => {
        // Asked late: that of a stdio connection may have been replaced. A stranger's handle leads to nothing of this owner.
        const id = session?.id ?? sessionNamedIn(call.input, policy.session);
        const turn = id === undefined ? undefined : keptTurn(call, policy, options.onError);
        if (id !== undefined && turn !== undefined) turns.record(owner, id, turn);
      };
    const remembers = session !== undefined || (options.turns?.session !== undefined && !isAnyone(principal));
    const seat = serving.seat(owner, seatName(caller));
    const tools = new Set<string>();
    observeRequests(server, serving.telemetry, tools);
    const once: RunOnce = (call, work) => serving.callOnce(owner, call, work);
    if (sealing !== undefined) wireRequestState(server, sealing, { principal, once, onError: options.onError });
    declare(server, declared);
    // Who has turned the SDK's way of asking such clients off wants none.
    const parks = serverOptions.inputRequired?.legacyShim === false ? undefined : caller.parks;
    const noteMissed: ToolWrapping["missed"] = (handles, request) =>
      noteAll(missed, guesserOf({ principal: caller.principal, address: addresses.of(request) }), handles);
    wrapTools(server, {
      schemas,
      tools,
      parks,
      onCall: (request) =>
        beginCall(parts, isAnonymous(principal) ? callerOf(caller.principal, addresses.of(request)) : owner),
      within: (call, fn, scopes = caller.principal.scopes) =>
        scopesOfCall.run(scopes, () => {
          mayCall(call.tool, principal, options.toolScopes);
          return serving.withinCall(call, fn);
        }),
      onTurn: remembers && options.turns !== undefined ? remember(options.turns) : undefined,
      once: isAnyone(principal) ? () => Promise.reject(refused("call that counts once")) : once,
      stepUp: { purposes: options.stepUp, seat, era: caller.era, onError: options.onError },
      missed: noteMissed,
      onError: options.onError,
    });
    wrapReads(server, { onError: options.onError, parks, missed: noteMissed });
    build(server, {
      state: hold.state(principal),
      sessions: hold.sessions(principal),
      session,
      principal,
      stepUp: seat,
      connection: caller.connection,
      notify: isAnyone(principal) ? withoutLists(bus.notifier(owner)) : bus.notifier(owner),
      era: caller.era,
    });
    const { era, onSubscription } = caller;
    makeSubscribable(server, { era, kept: session !== undefined, onSubscription });
    return server;
  };
}

/** Counts a call until it is released. Undefined where there is no room: a 2025-era call may outlive its request. */
function beginCall(
  { connections, calls }: Pick<InstanceParts<[]>, "connections" | "calls">,
  caller: Owner,
): Release | undefined {
  const passage = calls.begin(caller);
  if (typeof passage === "string") return undefined;
  const release = connections.call();
  return () => {
    passage.end();
    release();
  };
}

function noteAll(missed: Pick<MissedIds, "note">, guesser: string, handles: readonly string[]): number | undefined {
  const waits = handles.map((handle) => missed.note(guesser, handle));
  return waits.find((seconds) => seconds !== undefined);
}

function withScopesOfCall(principal: Principal, current: ContextLocal<readonly string[]>): Principal {
  return {
    ...principal,
    get scopes() {
      return current.get() ?? principal.scopes;
    },
  };
}

/** Where the gate could not know which tool a call is for, or there was none. */
function mayCall(tool: string | undefined, principal: Principal, needed: ToolScopes): void {
  const missing = tool === undefined ? undefined : missingFor(tool, principal, needed);
  if (missing === undefined) return;
  throw new HoldfastError("FORBIDDEN", `this tool needs the scope ${missing.join(" ")}. Ask for a token that has it.`);
}

/** An author who verifies states is left to it. */
function sealingOf(
  { server, requestState }: ResolvedServeOptions,
  { store, secrets }: ServingHold,
): StateSealing | undefined {
  if (server?.requestState !== undefined) return undefined;
  const { keys, ttlMs, singleUse } = requestState;
  return { keys: keys === undefined ? new StoredKeys(store, secrets) : givenKeys(keys), ttlMs, singleUse };
}

function describe(
  info: ServerInfo,
  given: McpServerOptions | undefined,
  sealing: StateSealing | undefined,
): { readonly implementation: Implementation; readonly serverOptions: McpServerOptions } {
  const { instructions, ...implementation } = info;
  return {
    implementation,
    serverOptions: {
      ...(instructions === undefined ? {} : { instructions }),
      ...given,
      ...(sealing === undefined ? {} : { requestState: { verify: verifier(sealing) } }),
    },
  };
}
