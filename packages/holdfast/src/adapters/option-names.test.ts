/** As everywhere, an option with a slip in its name is an error, and not a default. */
import { expect, it } from "vitest";

import { holdfast } from "../hold.ts";
import { serve } from "../mcp/serve.ts";
import { localUser } from "../security/principal.ts";
import { tokenStorage } from "./fastmcp/token-storage.ts";
import { sessionStore } from "./mcp-use/session-store.ts";
import { streamManager } from "./mcp-use/stream-manager.ts";
import { sharedEventBus } from "./sdk/event-bus.ts";
import { resumableSession } from "./sdk/event-store.ts";
import { tmcpManagers } from "./tmcp/managers.ts";
import { statefulTools } from "./tools/stateful.ts";

it("adapters and drain() refuse names that none of their options has", async () => {
  await using hold = await holdfast({ store: "memory:" });
  const slip: object = { onErorr: () => {} };
  const makers = [
    () => tokenStorage(hold, slip),
    () => sessionStore(hold, slip),
    () => streamManager(hold, slip),
    () => sharedEventBus(hold, slip),
    () => resumableSession(hold, localUser, slip),
    () => tmcpManagers(hold, slip),
    () => statefulTools(hold, { principal: localUser, ...slip }),
  ];
  for (const make of makers) expect(make).toThrow('has no option "onErorr"');

  const app = serve(hold, { name: "shop", version: "1.0.0" }, () => {});
  const timeout: object = { timeout: 1_000 };
  await expect(app.drain(timeout)).rejects.toThrow('drain() has no option "timeout"; did you mean "timeoutMs"?');
  await app.close();
});
