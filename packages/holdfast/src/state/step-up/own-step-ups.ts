import type { Owner, StoredRecord } from "../../record/record.ts";
import { jitteredMs, pause } from "../backoff.ts";
import { hashed } from "../document.ts";
import { durationMs } from "../duration.ts";
import type { Engine } from "../engine.ts";
import { checkCall } from "../method-options.ts";
import { contention, notFound, refusalError } from "../refusals.ts";
import type { CallOptions } from "../types.ts";
import { pauses, topicOf } from "./ask.ts";
import {
  type ConfirmationDocument,
  confirmationDocument,
  confirmationKey,
  confirmationKind,
  confirmationOf,
  type Pending,
  parseRequest,
  type RequestDocument,
  requestKind,
  requestOf,
} from "./records.ts";
import type { Confirmation, StepUpRequest, StepUps } from "./types.ts";

const maxTries = 24;
const pageSize = 200;

type Found = { readonly record: StoredRecord; readonly asked: RequestDocument; readonly one: Pending };

export class OwnStepUps implements StepUps {
  readonly #engine: Engine;
  readonly #owner: Owner;

  constructor(engine: Engine, owner: Owner) {
    this.#engine = engine;
    this.#owner = owner;
  }

  async request(request: string, options: CallOptions = {}): Promise<StepUpRequest | undefined> {
    checkCall("request()", options);
    const { signal } = options;
    const found = await this.#find(request, signal);
    if (found === undefined) return undefined;
    const { purpose, client } = found.asked;
    return { purpose, ...(client !== null && { client }), askedAt: new Date(found.one.askedAt) };
  }

  async confirm(request: string, options: CallOptions = {}): Promise<Confirmation> {
    checkCall("confirm()", options);
    const { signal } = options;
    for (let tries = 1; ; tries++) {
      const found = await this.#find(request, signal);
      if (found === undefined) throw notFound();
      const confirmed = await this.#confirm(found, signal);
      if (confirmed !== undefined) return confirmed;
      if (tries >= maxTries) throw contention("others ask for the same confirmation all the time", { tries });
      await pause(jitteredMs(tries - 1, pauses, Math.random), signal);
    }
  }

  async decline(request: string, options: CallOptions = {}): Promise<boolean> {
    checkCall("decline()", options);
    const { signal } = options;
    for (let tries = 1; ; tries++) {
      const found = await this.#find(request, signal);
      if (found === undefined) return false;
      const { record, asked, one } = found;
      const pending = asked.pending.filter(({ hash }) => hash !== one.hash);
      const text = JSON.stringify({ ...asked, pending } satisfies RequestDocument);
      const { kind, id, version: expect } = record;
      const change = { kind, id, expect, document: { text }, ...(pending.length === 0 && { end: true }) };
      const committed = await this.#engine.commit(this.#owner, [change], { signal });
      if (committed.ok) {
        this.#tell("step_up_declined", asked);
        return true;
      }
      if (committed.refusal.reason !== "version") throw refusalError(committed.refusal);
      if (tries >= maxTries) throw contention("others ask for the same confirmation all the time", { tries });
      await pause(jitteredMs(tries - 1, pauses, Math.random), signal);
    }
  }

  async list(options: CallOptions = {}): Promise<readonly Confirmation[]> {
    checkCall("list()", options);
    const { signal } = options;
    return (await this.#standing(confirmationKind, signal)).map(confirmationOf);
  }

  /** What was asked for before the log-out cannot be confirmed after it either. */
  async revoke(purpose?: string, options: CallOptions = {}): Promise<number> {
    checkCall("revoke()", options);
    return await this.revokeWhere((given) => purpose === undefined || given.purpose === purpose, options);
  }

  async revokeWhere(
    isMeant: (given: { readonly purpose: string; readonly seat: string }) => boolean,
    { signal }: CallOptions,
  ): Promise<number> {
    await this.#endAll(await this.#standing(requestKind, signal), (record) => isMeant(requestOf(record, 0)), signal);
    const confirmed = await this.#standing(confirmationKind, signal);
    return await this.#endAll(confirmed, (record) => isMeant(confirmationDocument(record)), signal);
  }

  async #find(request: string, signal: AbortSignal | undefined): Promise<Found | undefined> {
    const parsed = parseRequest(request);
    if (parsed === undefined) return undefined;
    const { record, at } = await this.#engine.read(this.#owner, parsed.key, { signal });
    if (record === undefined) return undefined;
    const asked = requestOf(record, at);
    const one = asked.pending.find(({ hash }) => hash === parsed.hash);
    return one === undefined ? undefined : { record, asked, one };
  }

  /** In one commit with the end of what was asked for, so that it happens once. Undefined if somebody else was first. */
  async #confirm({ record, asked, one }: Found, signal: AbortSignal | undefined): Promise<Confirmation | undefined> {
    const { purpose, seat, lastsMs } = asked;
    const lifetime = { absoluteMs: durationMs(lastsMs, "lasts") };
    const { at } = await this.#engine.read(this.#owner, record, { signal });
    const { elicitation } = one;
    const text = JSON.stringify({ purpose, seat, confirmedAt: at, elicitation } satisfies ConfirmationDocument);
    const committed = await this.#engine.commit(
      this.#owner,
      [
        { kind: record.kind, id: record.id, expect: record.version, end: true },
        {
          ...confirmationKey(seat, purpose),
          expect: "any",
          create: { text, lifetime },
          document: { text },
          lifetime,
        },
      ],
      { signal },
    );
    if (!committed.ok) {
      if (committed.refusal.reason === "version") return undefined;
      throw refusalError(committed.refusal);
    }
    this.#engine.store.publish(topicOf(seat, purpose), "");
    this.#tell("step_up_confirmed", asked);
    const lapsesAt = committed.results[1]?.expiresAt ?? committed.at + lastsMs;
    return { purpose, confirmedAt: new Date(at), lapsesAt: new Date(lapsesAt) };
  }

  async #standing(kind: string, signal: AbortSignal | undefined): Promise<readonly StoredRecord[]> {
    const found: StoredRecord[] = [];
    for (let after: string | undefined; ; ) {
      const page = await this.#engine.list(this.#owner, kind, { after, limit: pageSize, order: "oldest", signal });
      const read = page.records.map(({ id }) => this.#engine.read(this.#owner, { kind, id }, { signal }));
      for (const { record } of await Promise.all(read)) if (record !== undefined) found.push(record);
      after = page.next;
      if (after === undefined) return found;
    }
  }

  async #endAll(
    records: readonly StoredRecord[],
    isMeant: (record: StoredRecord) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let ended = 0;
    for (const record of records.filter(isMeant)) {
      const { kind, id } = record;
      // Whatever version stands: what was confirmed while this was under way is not what the log-out was to keep.
      const committed = await this.#engine.commit(this.#owner, [{ kind, id, expect: "present", end: true }], {
        signal,
      });
      if (!committed.ok) continue;
      ended += 1;
      if (kind === confirmationKind) this.#tell("step_up_revoked", confirmationDocument(record));
    }
    return ended;
  }

  /** What an auditor asks for afterwards: that it happened, for what, and where it counted. */
  #tell(
    change: "step_up_confirmed" | "step_up_declined" | "step_up_revoked",
    { seat, purpose }: Pick<ConfirmationDocument, "seat" | "purpose">,
  ): void {
    const { kind, id } = confirmationKey(seat, purpose);
    this.#engine.telemetry.change({ change, purpose, kind, idHash: hashed(id) });
  }
}
