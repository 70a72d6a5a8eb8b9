/** Hints over sharded channels. */
import { mintSecret } from "../../record/ids.ts";
import { Hints } from "../../store/hints.ts";
import { Outbox } from "../../store/outbox.ts";
import type { Client } from "./client.ts";
import { RedisEars } from "./ears.ts";
import type { Keys } from "./keys.ts";

export function hintsOver(client: Pick<Client, "ask" | "topology">, { channels }: Keys, pollMs: number): Hints {
  const node = mintSecret(72);
  // Each process speaks on one channel and listens to all: in a cluster, hints then pass through all servers.
  const channel = channels[Math.floor(Math.random() * channels.length)] ?? "";
  return new Hints({
    node,
    pollMs,
    outbox: new Outbox(node, async (payloads) => {
      await Promise.all(payloads.map((payload) => client.ask(channel, ["SPUBLISH", channel, payload])));
    }),
    listenerFor: (on) => new RedisEars({ topology: client.topology, channels, ...on }),
  });
}
