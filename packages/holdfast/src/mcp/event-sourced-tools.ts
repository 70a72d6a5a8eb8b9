/** Ready tools for the records of an event-sourced kind. */
import type { McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";
import { HoldfastError } from "../record/errors.ts";
import type { AnyEventSourcedKind } from "../state/events/kind.ts";
import type {
  AnyEvent,
  AnyInput,
  EventSchemas,
  EventSourcedHandle,
  EventSourcedRecords,
  HandledEventSourced,
  NamedEventSourced,
} from "../state/events/types.ts";
import { registerList } from "./list-tool.ts";
import { adding, destroying, nameSchema, opening, reading, register, repeatable } from "./ready-tool.ts";
import { reply } from "./reply.ts";

type Erased = Pick<
  EventSourcedHandle<unknown, AnyEvent, AnyInput>,
  "id" | "get" | "at" | "append" | "history" | "destroy"
>;
/** What a tool takes to name a record, and how that finds it. */
type Naming = {
  readonly shape: Readonly<Record<string, z.ZodType>>;
  readonly find: (records: unknown, input: Readonly<Record<string, unknown>>) => Erased;
};

const position = z.int().min(0);
const moment = z.iso.datetime({ offset: true });
/** Arguments of these tools, of which none can be the handle's as well. */
const taken: ReadonlySet<string> = new Set(["event", "agent", "after", "limit", "type", "since", "until"]);

export function eventSourcedTools(kind: AnyEventSourcedKind): (server: McpServer, records: unknown) => void {
  const words = kind.name.replaceAll(/[.-]/g, " ");
  const noun = kind.name.replaceAll(/[.-]/g, "_");
  const { shape, find } = namingOf(kind, words);
  const event = eventSchema(kind.events);
  const who = z.string().min(1).max(128);
  const agent = who.describe("Who does this.").optional();
  const inputs = {
    creation: z.strictObject({
      events: z.array(event).max(100).describe("What has happened already.").optional(),
      agent,
      ...repeatable,
    }),
    get: z.strictObject({
      ...shape,
      at_position: position.describe("Shows it as it was after this event, instead of as it is.").optional(),
    }),
    append: z.strictObject({
      ...shape,
      event,
      expected_position: position.describe("Refuse if anything has happened since this position.").optional(),
      agent,
      ...repeatable,
    }),
    history: z.strictObject({
      ...shape,
      after: position.describe("The `next` of the page before.").optional(),
      limit: z.int().min(1).max(500).default(100),
      type: z.enum(Object.keys(kind.events)).describe("Only events of this type.").optional(),
      agent: who.describe("Only what this agent did.").optional(),
      since: moment.describe("Only events from this moment on.").optional(),
      until: moment.describe("Only events up to this moment.").optional(),
    }),
    destroy: z.strictObject({ ...shape, ...repeatable }),
  };

  return (server, records) => {
    if (kind.scope === "many") {
      // By its scope these are the records of many handles.
      const many = records as EventSourcedRecords<unknown, AnyEvent, AnyInput>;
      const describe = `Creates a ${words} and returns its handle.`;
      register(server, `create_${noun}`, describe, adding, inputs.creation, (input) =>
        reply(many.create(input.events as readonly AnyInput[] | undefined, { agent: input.agent })),
      );
    }
    const describeGet = `Returns a ${words}: what all its events come to.`;
    register(
      server,
      `get_${noun}`,
      describeGet,
      kind.scope === "many" ? reading : opening,
      inputs.get,
      async (input) => {
        const found = find(records, input);
        if (input.at_position === undefined) return reply(found.get());
        const past = await found.at(input.at_position);
        return reply({ [kind.name]: found.id, position: past.position, value: past.value });
      },
    );
    if (kind.scope !== "principal") {
      // By its scope these are records of handles or of names.
      registerList(
        server,
        { kind: kind.name, noun, words },
        records as HandledEventSourced<unknown, AnyEvent, AnyInput>,
      );
    }
    const describeAppend = `Appends an event to the history of a ${words}.`;
    register(server, `append_to_${noun}`, describeAppend, adding, inputs.append, async (input) => {
      const found = find(records, input);
      const { expected_position: expectedPosition, agent: by } = input;
      const options = { agent: by, ...(expectedPosition !== undefined && { expectedPosition }) };
      // The tool's schema has let through what the kind's own schemas will.
      const appended = await found.append(input.event as AnyInput, options);
      return reply({ [kind.name]: found.id, position: appended.position });
    });
    const describeHistory = `What happened to a ${words}, oldest first, and who did it.`;
    register(server, `get_${noun}_history`, describeHistory, reading, inputs.history, async (input) => {
      const { after, limit, type, agent: by, since, until } = input;
      const found = find(records, input);
      const page = await found.history({
        limit,
        type,
        agent: by,
        ...(after !== undefined && { after }),
        ...(since !== undefined && { since: new Date(since) }),
        ...(until !== undefined && { until: new Date(until) }),
      });
      const events = page.events.map(({ at, by: { agent: who }, ...told }) => {
        return { ...told, agent: who ?? null, at: at.toISOString() };
      });
      return reply({ events, ...(page.next !== undefined && { next: page.next }) });
    });
    const describeDestroy = `Ends a ${words}, its history with it. This cannot be undone.`;
    register(server, `destroy_${noun}`, describeDestroy, destroying, inputs.destroy, async (input) => {
      const { idempotency_key: _key, ...named } = input;
      return reply({ ...named, destroyed: await find(records, input).destroy() });
    });
  };
}

function namingOf(kind: AnyEventSourcedKind, words: string): Naming {
  switch (kind.scope) {
    case "many":
      if (taken.has(kind.name)) {
        throw new HoldfastError(
          "INVALID_ARGUMENT",
          `the ready tools of an event-sourced kind have an argument "${kind.name}" already; rename the kind, or write its tools yourself`,
        );
      }
      return {
        shape: { [kind.name]: kind.id },
        find: (records, input) =>
          handleOf(records as HandledEventSourced<unknown, AnyEvent, AnyInput>, input[kind.name] as string),
      };
    case "named":
      return {
        shape: { name: nameSchema(words) },
        find: (records, { name }) => (records as NamedEventSourced<unknown, AnyEvent, AnyInput>).open(name as string),
      };
    case "principal":
      return { shape: {}, find: (records) => records as Erased };
  }
}

/** The record of a handle, as one that is named already. */
function handleOf(records: HandledEventSourced<unknown, AnyEvent, AnyInput>, id: string): Erased {
  return {
    id,
    get: (options) => records.get(id, options),
    at: (when, options) => records.at(id, when, options),
    append: (events, options) => records.append(id, events, options),
    history: (query) => records.history(id, query),
    destroy: (options) => records.destroy(id, options),
  };
}

/** Any of the kind's events. Schemas of zod take part; others check when the event is appended. */
function eventSchema(events: EventSchemas): z.ZodType {
  const shapes = Object.entries(events).map(([type, schema]) => {
    const payload = schema instanceof z.ZodType ? schema : z.unknown();
    return z.strictObject({ type: z.literal(type), payload: takesNothing(payload) ? payload.optional() : payload });
  });
  return z.union(shapes).describe("What happens.");
}

/** Whether a payload may be left out. A schema that only answers later cannot be asked here, and is taken to need one. */
function takesNothing(payload: z.ZodType): boolean {
  try {
    return payload.safeParse({}).success;
  } catch {
    return false;
  }
}
