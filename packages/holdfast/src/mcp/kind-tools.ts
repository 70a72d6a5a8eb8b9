import type { McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";
import { type AnyDocumentKind, type AnyKind, definitionOf, type RecordsOf } from "../state/kind.ts";
import type { NamedRecords, RecordHandle, Records } from "../state/types.ts";
import { eventSourcedTools } from "./event-sourced-tools.ts";
import { registerList } from "./list-tool.ts";
import { adding, destroying, nameSchema, opening, reading, register, repeatable } from "./ready-tool.ts";
import { reply } from "./reply.ts";
import { registeringSecret } from "./tools/secret-content.ts";

/** Registers the ready tools of a kind for one caller. */
export type KindTools<K extends AnyKind> = (server: McpServer, records: RecordsOf<K>) => void;

/**
 * Ready tools for the records of a kind: `create_<kind>`, `get_<kind>`, `list_<kind>` and `destroy_<kind>`. Named kinds are
 * opened by name instead of created, and take a `name`; one-per-principal kinds take nothing and are not listed.
 * Event-sourced kinds have besides `append_to_<kind>` and `get_<kind>_history`, and their `get_<kind>` takes an
 * `at_position`. Tools that change something take an `idempotency_key` and are declared with `exactlyOnce`.
 *
 * What is sealed is sealed in the memory of calls too: of a call about a kind that says `sealed`, a session's turn has neither
 * input nor output.
 *
 * Make them once, outside of the build function, since they come with schemas.
 *
 * @example
 * const basketTools = kindTools(Basket);
 * export default serve(hold, info, (server, { state }) => basketTools(server, state.basket));
 */
export function kindTools<K extends AnyKind>(kind: K): KindTools<K> {
  // Which of the two a kind is, its records are as well.
  const register = ("events" in kind ? eventSourcedTools(kind) : documentTools(kind)) as KindTools<K>;
  if (definitionOf(kind).sealed === undefined) return register;
  return (server, records) => register(registeringSecret(server), records);
}

function documentTools<K extends AnyDocumentKind>(kind: K): KindTools<K> {
  const words = kind.name.replaceAll(/[.-]/g, " ");
  const noun = kind.name.replaceAll(/[.-]/g, "_");
  const naming = { kind: kind.name, noun, words };
  switch (kind.scope) {
    case "many": {
      const handle = z.strictObject({ [kind.name]: kind.id });
      const ending = handle.extend(repeatable);
      const creation = z.strictObject({ value: valueSchema(kind).optional(), ...repeatable });
      return (server, given) => {
        // By its scope these are the records of many handles.
        const records = given as Records<unknown, unknown>;
        register(
          server,
          `create_${noun}`,
          `Creates a ${words} and returns its handle.`,
          adding,
          creation,
          ({ value }) => reply(records.create(value)),
        );
        register(server, `get_${noun}`, `Returns a ${words} by its handle.`, reading, handle, (input) =>
          reply(records.get(idOf(kind, input))),
        );
        registerList(server, naming, records);
        register(
          server,
          `destroy_${noun}`,
          `Ends a ${words}. This cannot be undone.`,
          destroying,
          ending,
          async (input) => {
            const id = idOf(kind, input);
            return reply({ [kind.name]: id, destroyed: await records.destroy(id) });
          },
        );
      };
    }
    case "named": {
      const named = z.strictObject({ name: nameSchema(words) });
      const ending = named.extend(repeatable);
      return (server, given) => {
        // By its scope these are named records.
        const records = given as NamedRecords<unknown, unknown>;
        register(
          server,
          `get_${noun}`,
          `Returns the ${words} of a name; makes it on first use.`,
          opening,
          named,
          ({ name }) => reply(records.open(name).get()),
        );
        registerList(server, naming, records);
        register(
          server,
          `destroy_${noun}`,
          `Ends the ${words} of a name. This cannot be undone.`,
          destroying,
          ending,
          async ({ name }) => reply({ name, destroyed: await records.open(name).destroy() }),
        );
      };
    }
    case "principal": {
      const nothing = z.strictObject({});
      const ending = z.strictObject(repeatable);
      return (server, given) => {
        // By its scope this is the one record of the caller.
        const record = given as RecordHandle<unknown>;
        register(server, `get_${noun}`, `Returns the ${words}; makes it on first use.`, opening, nothing, () =>
          reply(record.get()),
        );
        register(server, `destroy_${noun}`, `Ends the ${words}. This cannot be undone.`, destroying, ending, async () =>
          reply({ destroyed: await record.destroy() }),
        );
      };
    }
  }
}

/** A schema of zod takes part in the tool's own; others cannot be put inside one and check when the record is written. */
function valueSchema(kind: AnyDocumentKind): z.ZodType {
  return kind.schema instanceof z.ZodType ? kind.schema : z.unknown();
}

function idOf(kind: AnyDocumentKind, input: Readonly<Record<string, unknown>>): string {
  // The tool's schema has a handle under this name.
  return input[kind.name] as string;
}
