import type { ListPage } from "../../store/contract.ts";
import { createRecord } from "../create.ts";
import { listPage } from "../listing.ts";
import { checkSessionInput } from "../method-options.ts";
import type { Scope } from "../scope.ts";
import type {
  ChangeOptions,
  ListedSession,
  ListQuery,
  Session,
  SessionInput,
  SessionList,
  Sessions,
  SessionView,
} from "../types.ts";
import { listedOf } from "../views.ts";
import { checkedName, emptySession, ownCounters, sessionFields, sessionView, totalEvents } from "./definition.ts";
import { OwnSession, type SessionParts } from "./session.ts";

/** The sessions of one owner. */
export class OwnSessions implements Sessions {
  readonly #scope: Scope;
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.#scope = parts.scope;
    this.#parts = parts;
  }

  async create(input: SessionInput = {}, options: ChangeOptions = {}): Promise<SessionView> {
    checkSessionInput("sessions.create", input);
    const { label, metadata } = input;
    const fields = sessionFields(label, false);
    return sessionView(await createRecord(this.#scope, emptySession(label, metadata), options, fields));
  }

  open(id: string): Session {
    return new OwnSession(this.#parts, id);
  }

  async list(options: ListQuery = {}): Promise<SessionList> {
    return sessionListOf(await listPage(this.#scope, options));
  }

  async find({ label }: { readonly label: string }, options: ListQuery = {}): Promise<SessionList> {
    return sessionListOf(await listPage(this.#scope, options, { label: checkedName("a label", label) }));
  }
}

function sessionListOf({ records, next }: ListPage): SessionList {
  const listed = records.map((record): ListedSession => {
    const { label } = record.fields;
    return {
      ...listedOf(record),
      ...(typeof label === "string" && { label }),
      counters: ownCounters(record.counters),
      totalEvents: totalEvents(record.counters),
    };
  });
  return { records: listed, ...(next !== undefined && { next }) };
}
