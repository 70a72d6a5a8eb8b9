import { describe, expect, it } from "vitest";
import { hostAllowList, originAllowList } from "./allow-lists.ts";

describe("hostAllowList", () => {
  const loopback = hostAllowList(undefined);

  it.each(["localhost", "LOCALHOST:3000", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:3000"])(
    "admits %s by default",
    (host) => {
      expect(loopback(host)).toBe(true);
    },
  );

  it.each([
    undefined,
    "",
    "evil.example",
    "localhost.evil.example",
    "evil.example:127.0.0.1",
    "localhost@evil.example",
    "localhost:80:80",
    "localhost:abc",
    "localhost/",
    " localhost",
    "localhost, evil.example",
    "::1",
    "[::1",
    "127.0.0.1.nip.io",
    "0.0.0.0",
  ])("refuses %j by default", (host) => {
    expect(loopback(host)).toBe(false);
  });

  it("admits exactly the names given", () => {
    const allowed = hostAllowList(["Example.com", "::1", "[fe80::1]"]);
    expect(["example.com:8443", "[::1]:1", "[fe80::1]"].every(allowed)).toBe(true);
    expect(allowed("localhost")).toBe(false);
  });

  it("admits everything on demand", () => {
    expect(hostAllowList("any")(undefined)).toBe(true);
  });

  it.each(["https://example.com", "example.com:80", "exa mple", "example.com/x", ""])(
    "refuses %j as an entry",
    (entry) => {
      expect(() => hostAllowList([entry])).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );
});

describe("originAllowList", () => {
  const loopback = originAllowList(undefined);

  it.each([
    undefined,
    "http://localhost",
    "http://localhost:5173",
    "https://127.0.0.1:1",
    "http://[::1]:80",
    "HTTP://LOCALHOST",
  ])("admits %j by default", (origin) => {
    expect(loopback(origin)).toBe(true);
  });

  it.each([
    "null",
    "",
    "http://evil.example",
    "http://localhost.evil.example",
    "http://localhost@evil.example",
    "http://localhost/x",
    "file://localhost",
  ])("refuses %j by default", (origin) => {
    expect(loopback(origin)).toBe(false);
  });

  it("compares whole origins, scheme and port included", () => {
    const allowed = originAllowList(["https://App.example.com:443", "vscode-webview://abc"]);
    expect(allowed("https://app.example.com")).toBe(true);
    expect(allowed("vscode-webview://abc")).toBe(true);
    expect(allowed("http://app.example.com")).toBe(false);
    expect(allowed("https://app.example.com:444")).toBe(false);
    expect(allowed("http://localhost:3000")).toBe(false);
  });

  it.each(["app.example.com", "https://app.example.com/path", "*"])("refuses %j as an entry", (entry) => {
    expect(() => originAllowList([entry])).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });
});
