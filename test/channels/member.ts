/** One process in which sessions of one caller join channels, leave them messages and vanish, as it is told by lines on its stdin. */
import { holdfast, localUser } from "holdfast";
import { race } from "holdfast/testing";

import { obey } from "../lib/obey.ts";

export type Command =
  /** Makes sessions and answers with their ids. */
  | { readonly do: "create"; readonly labels: readonly string[] }
  /** Each of them joins at once. */
  | { readonly do: "join"; readonly channel: string; readonly sessions: readonly string[]; readonly stayMs: number }
  /** Each of them sends at once. */
  | { readonly do: "send"; readonly channel: string; readonly sessions: readonly string[] }
  | { readonly do: "leave"; readonly channel: string; readonly session: string }
  | { readonly do: "end"; readonly session: string }
  | { readonly do: "members"; readonly channel: string }
  | { readonly do: "presence"; readonly channel: string }
  | { readonly do: "messages"; readonly channel: string };

const [, , store = ""] = process.argv;
await using hold = await holdfast({ store, reap: { every: "1s" } });
const sessions = hold.sessions(localUser);
const { channel } = hold.state(localUser);

// Written by the test that started this.
await obey((command) => carryOut(command as Command));

async function carryOut(command: Command): Promise<unknown> {
  switch (command.do) {
    case "create":
      return (await Promise.all(command.labels.map((label) => sessions.create({ label })))).map(({ id }) => id);
    case "join": {
      const { channel: name, sessions: joining, stayMs: stay } = command;
      const joined = await race(joining.length, (n) => channel(name).join(joining[n] ?? "", { stay }));
      return joined.errors.map(String);
    }
    case "send": {
      const { channel: name, sessions: senders } = command;
      const sent = await race(senders.length, (n) => channel(name).broadcast(senders[n] ?? "", `from ${senders[n]}`));
      return { recipients: sent.values.map(({ recipients }) => recipients), failures: sent.errors.map(String) };
    }
    case "leave":
      return await channel(command.channel).leave(command.session);
    case "end":
      return await sessions.open(command.session).end();
    case "members":
      return (await channel(command.channel).members()).map(({ session }) => session);
    case "presence":
      return (await channel(command.channel).presence({ limit: 1_000 })).events;
    case "messages":
      return (await channel(command.channel).read({ limit: 1_000 })).messages;
  }
}
