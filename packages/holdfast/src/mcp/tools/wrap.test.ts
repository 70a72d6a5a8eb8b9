import {
  InMemoryTransport,
  type JSONRPCMessage,
  McpServer,
  ProtocolError,
  UrlElicitationRequiredError,
} from "@modelcontextprotocol/server";
import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { HoldfastError } from "../../record/errors.ts";
import type { CallContext } from "../../state/call-context.ts";
import { SchemaCache } from "./schemas.ts";
import { type FinishedCall, wrapTools } from "./wrap.ts";

const input = z.object({ name: z.string().min(1), by: z.number().int().default(1) });

class Bench {
  readonly server = new McpServer({ name: "bench", version: "1" });
  readonly plain = new McpServer({ name: "bench", version: "1" });
  readonly turns: FinishedCall[] = [];
  readonly errors: unknown[] = [];
  readonly within: CallContext[] = [];
  calls = 0;
  readonly #answers = new Map<unknown, (message: JSONRPCMessage) => void>();
  #ids = 0;

  constructor() {
    wrapTools(this.server, {
      schemas: new SchemaCache(),
      onCall: () => {
        this.calls += 1;
        return () => {
          this.calls -= 1;
        };
      },
      within: (call, fn) => {
        this.within.push(call);
        return fn();
      },
      onTurn: (turn) => this.turns.push(turn),
      once: (_call, { run }) => run(),
      onError: (error) => this.errors.push(error),
    });
  }

  async ask(method: string, params: Record<string, unknown>, server = this.server): Promise<Record<string, unknown>> {
    if (!server.isConnected()) {
      const [near, far] = InMemoryTransport.createLinkedPair();
      await server.connect(far);
      near.onmessage = (message) => "id" in message && this.#answers.get(message.id)?.(message);
      Object.assign(server, { near });
      await this.ask(
        "initialize",
        { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
        server,
      );
    }
    const { near } = server as unknown as { near: InMemoryTransport };
    const id = ++this.#ids;
    const answer = new Promise<JSONRPCMessage>((resolve) => this.#answers.set(id, resolve));
    await near.send({ jsonrpc: "2.0", id, method, params });
    return { ...(await answer) };
  }

  async call(name: string, given: unknown): Promise<Record<string, unknown>> {
    const answer = await this.ask("tools/call", { name, arguments: given });
    return (answer["result"] ?? answer) as Record<string, unknown>;
  }
}

let bench = new Bench();
afterEach(async () => {
  await bench.server.close();
  await bench.plain.close();
  bench = new Bench();
});

describe("wrapped tools", () => {
  it("answers input that does not fit in the one shape of errors, and remembers it", async () => {
    let entered = false;
    bench.server.registerTool("add", { inputSchema: input }, () => {
      entered = true;
      return { content: [] };
    });
    const result = await bench.call("add", { name: "", by: "x" });
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "invalid_argument", retryable: false } },
    });
    const { error } = result["structuredContent"] as { error: { message: string } };
    expect(error.message).toContain("name: ");
    expect(error.message).toContain("by: ");
    expect(result["content"]).toEqual([{ type: "text", text: error.message }]);
    expect(entered).toBe(false);
    expect(bench.turns).toMatchObject([{ tool: "add", input: { name: "", by: "x" }, result: { isError: true } }]);
  });

  it("refuses in fewer words than it was asked with", async () => {
    bench.server.registerTool("none", { inputSchema: z.strictObject({}) }, () => ({ content: [] }));
    const names = Array.from({ length: 50_000 }, (_, index) => [`🧺${index}`, 1]);
    const { structuredContent } = await bench.call("none", Object.fromEntries(names));
    const { error } = structuredContent as { error: { code: string; message: string } };
    expect(error.code).toBe("invalid_argument");
    expect(error.message).toContain("🧺0");
    expect(error.message.length).toBeLessThan(500);
  });

  it("hands on what the schema made of the input", async () => {
    bench.server.registerTool("add", { inputSchema: input }, ({ name, by }) => ({
      content: [{ type: "text", text: `${name}${by}` }],
    }));
    expect(await bench.call("add", { name: "n" })).toMatchObject({ content: [{ text: "n1" }] });
    expect(bench.turns).toMatchObject([{ tool: "add", input: { name: "n", by: 1 } }]);
    expect(bench.calls).toBe(0);
  });

  it("gives tools without a schema the context alone", async () => {
    bench.server.registerTool("bare", {}, (context) => ({
      content: [{ type: "text", text: String(context.mcpReq.id) }],
    }));
    expect(await bench.call("bare", undefined)).toMatchObject({ content: [{ type: "text" }] });
    expect(bench.turns).toMatchObject([{ tool: "bare", input: {} }]);
  });

  it("lists the same tools as an unwrapped server", async () => {
    const output = z.object({ value: z.number() });
    for (const server of [bench.server, bench.plain]) {
      server.registerTool("a", { description: "d", inputSchema: input, outputSchema: output }, () => ({
        content: [],
        structuredContent: { value: 1 },
      }));
      server.registerTool("b", { inputSchema: { name: z.string() } }, () => ({ content: [] }));
      server.registerTool("c", {}, () => ({ content: [] }));
    }
    const [wrapped, plain] = [await bench.ask("tools/list", {}), await bench.ask("tools/list", {}, bench.plain)];
    expect(wrapped["result"]).toEqual(plain["result"]);
    const again = await bench.ask("tools/list", {});
    expect(again["result"]).toEqual(plain["result"]);
  });

  it.each([
    ["NOT_FOUND", "not_found", false],
    ["CONFLICT", "conflict", false],
    ["CONTENTION", "busy", true],
    ["QUOTA_EXCEEDED", "quota_exceeded", false],
    ["FORBIDDEN", "forbidden", false],
    ["INVALID_ARGUMENT", "invalid_argument", false],
  ] as const)("answers %s with %s and the error's own words", async (code, toolCode, retryable) => {
    bench.server.registerTool("fail", {}, () => {
      throw new HoldfastError(code, "the words of the error");
    });
    expect(await bench.call("fail", {})).toEqual({
      isError: true,
      content: [{ type: "text", text: "the words of the error" }],
      structuredContent: { error: { code: toolCode, message: "the words of the error", retryable } },
    });
    expect(bench.errors).toEqual([]);
  });

  it.each(["UNAVAILABLE", "STORE_CORRUPT", "OUTCOME_UNKNOWN"] as const)(
    "keeps the words of %s to itself",
    async (code) => {
      const error = new HoldfastError(code, "secret-host:5432 /etc/secret");
      bench.server.registerTool("fail", {}, async () => {
        throw error;
      });
      const result = await bench.call("fail", {});
      expect(result).toMatchObject({
        isError: true,
        structuredContent: { error: { code: "unavailable", retryable: error.retryable } },
      });
      expect(JSON.stringify(result)).not.toContain("secret");
      expect(bench.errors).toEqual([error]);
    },
  );

  it("leaks nothing of unknown exceptions, from tools or from schemas", async () => {
    const broken = z.object({}).refine(() => {
      throw new Error("secret of the schema");
    });
    bench.server.registerTool("tool", {}, () => {
      throw new TypeError("secret of the tool");
    });
    bench.server.registerTool("schema", { inputSchema: broken }, () => ({ content: [] }));
    for (const name of ["tool", "schema"]) {
      const result = await bench.call(name, {});
      expect(result).toMatchObject({ isError: true });
      expect(JSON.stringify(result)).not.toContain("secret");
    }
    expect(bench.errors.map(String)).toEqual(["TypeError: secret of the tool", "Error: secret of the schema"]);
  });

  it("leaves errors of the protocol to the SDK", async () => {
    bench.server.registerTool("protocol", {}, () => {
      throw new ProtocolError(-32602, "said by the author");
    });
    bench.server.registerTool("url", {}, () => {
      throw new UrlElicitationRequiredError([
        { mode: "url", message: "m", url: "https://example.com", elicitationId: "e" },
      ]);
    });
    expect(await bench.call("protocol", {})).toMatchObject({
      isError: true,
      content: [{ text: "said by the author" }],
    });
    expect(await bench.call("url", {})).toMatchObject({ error: { code: -32042 } });
    expect(await bench.call("unknown", {})).toMatchObject({ error: { code: -32602 } });
    expect(await bench.call("__proto__", {})).toMatchObject({ error: { code: -32602 } });
    expect(bench.errors).toEqual([]);
  });

  it("answers a tool that returns nothing as the SDK does", async () => {
    for (const server of [bench.server, bench.plain]) server.registerTool("nothing", {}, (() => undefined) as never);
    const ask = { name: "nothing", arguments: {} };
    const [wrapped, plain] = [await bench.ask("tools/call", ask), await bench.ask("tools/call", ask, bench.plain)];
    expect({ ...wrapped, id: 0 }).toEqual({ ...plain, id: 0 });
  });

  it("does not check failures against the output schema", async () => {
    bench.server.registerTool("typed", { outputSchema: z.object({ value: z.number() }) }, () => {
      throw new HoldfastError("NOT_FOUND", "gone");
    });
    expect(await bench.call("typed", {})).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "not_found" } },
    });
  });

  it("stays around a tool that its author changes later", async () => {
    const registered = bench.server.registerTool("first", { inputSchema: input }, () => ({ content: [] }));
    registered.update({
      name: "second",
      paramsSchema: z.object({ n: z.number() }),
      callback: ({ n }: { n: number }) => {
        throw new HoldfastError("CONFLICT", `n is ${n}`);
      },
    } as never);
    expect(await bench.call("second", { n: 4 })).toMatchObject({
      structuredContent: { error: { code: "conflict", message: "n is 4" } },
    });
    expect(await bench.call("second", {})).toMatchObject({
      structuredContent: { error: { code: "invalid_argument" } },
    });
    expect(bench.turns.map((turn) => turn.tool)).toEqual(["second", "second"]);
    registered.disable();
    expect(await bench.call("second", { n: 4 })).toMatchObject({ error: { code: -32602 } });
  });
});

describe("SchemaCache", () => {
  it("converts a schema once, however many servers list it", () => {
    const cache = new SchemaCache();
    const first = cache.input(input) as typeof input;
    expect(cache.input(input)).toBe(first);
    const options = { target: "draft-2020-12" as const };
    expect(first["~standard"].jsonSchema.input(options)).toBe(first["~standard"].jsonSchema.input(options));
    expect(first["~standard"].jsonSchema.input(options)).toEqual(input["~standard"].jsonSchema.input(options));
  });

  it("awaits schemas that check asynchronously", async () => {
    const cache = new SchemaCache();
    const slow = cache.input(z.object({ n: z.number() }).refine(async ({ n }) => n > 1)) as typeof input;
    expect(await slow["~standard"].validate({ n: 2 })).toEqual({ value: { n: 2 } });
    expect(await slow["~standard"].validate({ n: 1 })).toMatchObject({ value: { cause: { issues: [{}] } } });
  });

  it("leaves what is no schema to the SDK", () => {
    const cache = new SchemaCache();
    for (const given of [undefined, null, 5, { a: 1 }, []]) expect(cache.input(given)).toBe(given);
  });
});

describe("a tool call", () => {
  it("is known to whatever it does by the tool's name, an id of its own and what the client calls itself", async () => {
    bench.server.registerTool("add", { inputSchema: input }, () => ({ content: [] }));
    await bench.call("add", { name: "n" });
    await bench.call("add", { name: "n" });
    const [first, second] = bench.within;
    expect(first).toEqual({ tool: "add", id: expect.any(String) as string, client: "c" });
    expect(second?.id).not.toBe(first?.id);
    expect(bench.turns.map(({ id }) => id)).toEqual([first?.id, second?.id]);
  });
});
