import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Listens on a free loopback port and tells the parent which. */
export function announce(server: Server): void {
  server.listen(0, "127.0.0.1", () => {
    // A TCP server that listens has an AddressInfo.
    const { port } = server.address() as AddressInfo;
    process.send?.({ port });
  });
  process.on("disconnect", () => process.exit(0));
}

/** Answers the parent's "memory" with what is in use after a full collection (needs --expose-gc), "processor" with what was used. */
export function reportUse(): void {
  process.on("message", (message) => {
    if (message === "processor") {
      const { user, system } = process.cpuUsage();
      process.send?.({ processorMs: (user + system) / 1000 });
    }
    if (message !== "memory") return;
    globalThis.gc?.();
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    process.send?.({ rss, heapUsed, external });
  });
}
