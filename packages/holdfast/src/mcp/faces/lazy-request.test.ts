import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { lazyRequest } from "./lazy-request.ts";

const body = '{"text":"grüße"}';

function made(method = "POST"): Request {
  const headers = {
    "content-type": "application/json",
    accept: "a, b",
    "set-cookie": ["x=1", "y=2"],
    host: "localhost",
  };
  // The three members of a message that are looked at.
  const message = { method, headers, complete: true } as unknown as IncomingMessage;
  const url = "http://localhost/mcp?x=1";
  return lazyRequest({
    message,
    url,
    signal: new AbortController().signal,
    body: () => (method === "POST" ? body : undefined),
  });
}

describe("lazyRequest", () => {
  it("answers for itself what is asked of every request", () => {
    const request = made();
    expect(request).toBeInstanceOf(Request);
    expect([request.method, request.url, request.signal.aborted]).toEqual(["POST", "http://localhost/mcp?x=1", false]);
    expect(request.headers).toBe(request.headers);
    expect([request.headers.get("accept"), request.headers.getSetCookie()]).toEqual(["a, b", ["x=1", "y=2"]]);
  });

  it("can do everything a request can", async () => {
    for (const name of Object.keys(Object.getOwnPropertyDescriptors(Request.prototype))) {
      expect(() => Reflect.get(made(), name) as unknown, name).not.toThrow();
    }
    expect(await made().json()).toEqual({ text: "grüße" });
    expect(await made().text()).toBe(body);
    expect(Buffer.from(await made().arrayBuffer()).toString()).toBe(body);
    const request = made();
    expect(await request.clone().text()).toBe(body);
    expect(request.bodyUsed).toBe(false);
    await request.text();
    expect(request.bodyUsed).toBe(true);
    await expect(request.text()).rejects.toThrow(TypeError);
    expect(await new Request(made().clone()).text()).toBe(body);
  });

  it("has no body where the method has none", () => {
    expect([made("GET").body, made("GET").method]).toEqual([null, "GET"]);
  });
});
