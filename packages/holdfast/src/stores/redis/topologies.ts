import { ClusterTopology } from "./cluster.ts";
import { type Dial, dialer } from "./dial.ts";
import type { Driver } from "./driver.ts";
import type { ResolvedRedisOptions } from "./options.ts";
import { Sentinels } from "./sentinel.ts";
import { SingleTopology } from "./single.ts";
import type { Topology } from "./topology.ts";

/** The way to the servers that the options name; nothing is opened yet. */
export function topologyFor(driver: Driver, options: ResolvedRedisOptions): Topology {
  const { target, connectTimeoutMs, pingMs } = options;
  const dial: Dial = dialer(driver, options);
  if (target.mode === "cluster") return new ClusterTopology(dial, options);
  if (target.mode === "sentinel") {
    const sentinels = new Sentinels(dial, options);
    return new SingleTopology({
      name: `the primary "${target.primary}"`,
      open: () => sentinels.open(),
      isCurrent: () => sentinels.isCurrent(),
      connectTimeoutMs,
      pingMs,
    });
  }
  const [address = { host: "localhost", port: 6_379 }] = target.addresses;
  return new SingleTopology({
    name: `${address.host}:${address.port}`,
    open: () => dial(address),
    connectTimeoutMs,
    pingMs,
  });
}
