/**
 * One node whose sessions have "browsers": processes of its own that end with their input, as those of a killed node do. It
 * notes in a file what it opened and closed.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { holdfast, reply, serve } from "holdfast";
import { z } from "zod";

const [, , name = "", store = "", journal = "", idleMs = "3600000"] = process.argv;

const note = (what: string, session: string): void => appendFileSync(journal, `${what} ${name} ${session}\n`);

async function launch(session: string): Promise<ChildProcessWithoutNullStreams> {
  const browser = spawn("cat");
  await once(browser, "spawn");
  note("opened", session);
  return browser;
}

async function shut(browser: ChildProcessWithoutNullStreams, session: string): Promise<void> {
  const gone = once(browser, "close");
  browser.stdin.end();
  await gone;
  note("closed", session);
}

const Which = z.object({ session: z.string().optional() });
const hold = await holdfast({ store, sessions: { idle: Number(idleMs) }, reap: { every: "1s" } });
const app = serve(hold, { name: "keeper", version: "1.0.0" }, (server, { sessions, session: own }) => {
  const opened = (id: string | undefined) => (id === undefined && own !== undefined ? own : sessions.open(id ?? ""));
  server.registerTool("create", { description: "Makes a session." }, async () =>
    reply({ session: (await sessions.create()).id }),
  );
  server.registerTool("browse", { description: "Uses a browser.", inputSchema: Which }, async ({ session: id }) => {
    const session = opened(id);
    const { pid } = await session.disposable("browser", () => launch(session.id), {
      dispose: (browser) => shut(browser, session.id),
    });
    return reply({ node: name, pid, session: session.id });
  });
  server.registerTool("end", { description: "Ends a session.", inputSchema: Which }, async ({ session: id }) =>
    reply({ ended: await opened(id).end() }),
  );
});
const server = createServer(app.node).listen(0, "127.0.0.1", () => {
  // It listens on a port, by the line above.
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
});
process.once("SIGTERM", () => {
  server.close();
  void app.drain().then(() => hold.close());
});
