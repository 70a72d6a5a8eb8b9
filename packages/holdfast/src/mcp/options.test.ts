import { describe, expect, it } from "vitest";
import { serveDefaults } from "./defaults.ts";
import { resolveServeOptions } from "./options.ts";
import type { ServeOptions } from "./types.ts";

describe("resolveServeOptions", () => {
  it.each([
    [{ limits: { maxBodyByte: 1 } }, 'did you mean "maxBodyBytes"'],
    [{ limits: { sessionIdleMs: 1 } }, "sessionIdleMs"],
    [{ alowedHosts: [] }, 'did you mean "allowedHosts"'],
    [{ response: "xml" }, '"xml"'],
    [{ limits: { maxDepth: 0 } }, "maxDepth"],
    [{ limits: { maxBatch: 1.5 } }, "maxBatch"],
    [{ recordTurns: { exept: ["a"] } }, 'did you mean "except"'],
    [{ recordTurns: { except: "a" } }, "recordTurns.except"],
    [{ recordTurns: { redact: true } }, "recordTurns.redact"],
    [{ recordTurns: { session: "" } }, "recordTurns.session"],
    [{ recordTurns: "no" }, "recordTurns"],
    [{ node: "" }, "node"],
  ])("refuses what makes no sense, by name: %j", (options, named) => {
    // Not what the types allow: options also come from files.
    expect(() => resolveServeOptions(options as ServeOptions)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(named) }),
    );
  });

  it("fills in the defaults, also for what is given as undefined", () => {
    const given = { limits: { maxDepth: undefined, maxBatch: 5 } } as unknown as ServeOptions;
    expect(resolveServeOptions(given)).toMatchObject({
      limits: { ...serveDefaults, maxBatch: 5 },
      stateless: false,
      response: "auto",
      turns: { except: new Set(), redact: undefined, node: expect.stringContaining(`:${process.pid}`) as string },
    });
  });

  it("keeps no turns where it is told so", () => {
    expect(resolveServeOptions({ recordTurns: false }).turns).toBeUndefined();
  });

  it("survives an error handler that fails", () => {
    const { onError } = resolveServeOptions({
      onError: () => {
        throw new Error("of the handler");
      },
    });
    expect(() => onError(new Error("reported"))).not.toThrow();
  });
});
