import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, inject, onTestFinished } from "vitest";

import { type Proxy, startProxy } from "../../../../../test/lib/proxy.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { loadDriver, type SingleConnection } from "./driver.ts";
import type { PostgresOptions } from "./options.ts";
import { postgresStoreAhead } from "./store.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A database whose user may create others. */
    postgresUrl: string;
  }
}

export const owner: Owner = ownerOf({ issuer: "test", subject: "postgres" });

/** A database for one test file, dropped with everything in it afterwards. Answers its URL once tests run. */
export function databaseForThisFile(): () => string {
  const name = `holdfast_test_${randomBytes(6).toString("hex")}`;
  beforeAll(() => query(inject("postgresUrl"), `create database ${name}`));
  afterAll(() => query(inject("postgresUrl"), `drop database ${name} with (force)`));
  return () => {
    const url = new URL(inject("postgresUrl"));
    url.pathname = `/${name}`;
    return url.href;
  };
}

/** An empty database that is dropped when the test is over. */
export async function freshDatabase(): Promise<string> {
  const name = `holdfast_test_${randomBytes(6).toString("hex")}`;
  await query(inject("postgresUrl"), `create database ${name}`);
  onTestFinished(() => query(inject("postgresUrl"), `drop database ${name} with (force)`));
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return url.href;
}

/** A store that is closed when the test is over. */
export async function openFor(options: PostgresOptions, aheadMs: () => number = () => 0): Promise<Store> {
  const store = await postgresStoreAhead(options, aheadMs);
  onTestFinished(() => store.close());
  return store;
}

/** A way to a server on which requests or replies can be lost. Ends when the test is over. */
export async function proxyFor(url: string): Promise<Proxy> {
  const proxy = await startProxy(url);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

/** A connection that knows nothing of the store, and ends when the test is over. */
export async function connectFor(url: string): Promise<SingleConnection> {
  const connection = await connect(url);
  onTestFinished(() => connection.end());
  return connection;
}

async function connect(url: string): Promise<SingleConnection> {
  const { Client } = await loadDriver();
  const connection = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  connection.on("error", () => undefined);
  await connection.connect();
  return connection;
}

async function query(url: string, sql: string): Promise<void> {
  const connection = await connect(url);
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}
