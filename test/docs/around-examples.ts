/**
 * What the examples in the comments of the library take as given. They are read beside the thing they show, and do not open a
 * hold each; to be compiled they are put into a function, with this around it.
 */
import type { Client } from "@modelcontextprotocol/client";
import type { McpServer as FirstServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { InputRequest, McpServer, McpServerFactory } from "@modelcontextprotocol/server";
import type { OAuthProxyConfig } from "fastmcp/auth";
import { type Build, type Hold, kind, type Principal, type ServerInfo, type State } from "holdfast";
import type { sessionStore, streamManager } from "holdfast/adapters/mcp-use";
import type { Change, Owner, OwnerCounts, RecordState, Store } from "holdfast/contract";
import type { McpServer as TinyServer } from "tmcp";
import { z } from "zod";

export { createServer } from "node:http";
export { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
export { createMcpHandler, inputRequired } from "@modelcontextprotocol/server";
export { HttpTransport } from "@tmcp/transport-http";
export { OAuthProxy } from "fastmcp/auth";
export { serve } from "holdfast";
export { memoryStore } from "holdfast/stores/memory";
export { expect } from "vitest";
export { z } from "zod";

const BasketSchema = z.object({ items: z.array(z.string()).default([]) });
const OrderSchema = z.object({ status: z.string().default("open") });
export const Basket = kind("basket", { schema: BasketSchema, idle: "24h" });
export const Price = kind("price", { schema: z.object({ cents: z.number().default(0) }) });
const Ordered = kind("order", { schema: OrderSchema, index: ({ status }) => ({ status }) });
export const Order = z.object({ basket: Basket.id });
export const Pay = z.object({ basket: Basket.id, cents: z.number().int() });

type Kinds = readonly [typeof Basket, typeof Price, typeof Ordered];
export declare const hold: Hold<Kinds>;
export declare const state: State<Kinds>;
export declare const principal: Principal;
export declare const info: ServerInfo;
export declare const build: Build<Kinds>;
export declare const id: string;
export declare const basket: string;
export declare const order: (basket: z.infer<typeof BasketSchema>) => void;
export declare const pay: (basket: z.infer<typeof BasketSchema>) => void;
export declare const countOf: (basket: string) => Promise<number>;
export declare const confirm: InputRequest;
export declare const client: Client;
export declare const factory: McpServerFactory;
export declare const upstream: OAuthProxyConfig;
/** What operators and authors of stores have at hand. */
export declare const store: Store;
export declare const owner: Owner;
export declare const change: Change;
export declare const standing: RecordState | undefined;
export declare const counts: OwnerCounts;
export declare const growth: OwnerCounts;
/** That of the framework which the entry is for. */
export declare const servers: { readonly own: McpServer; readonly first: FirstServer; readonly tiny: TinyServer };
/** mcp-use brings too much along to be installed for its types; its constructor takes what these return. */
export declare const MCPServer: new (options: {
  readonly name: string;
  readonly version: string;
  readonly sessionStore: ReturnType<typeof sessionStore>;
  readonly streamManager: ReturnType<typeof streamManager>;
}) => object;
