import type { AuthAnswer } from "holdfast";
import { describe, expect, it } from "vitest";

import { isLoopback } from "./loopback.ts";
import { parseTokenFile } from "./token-file.ts";
import { authenticateTokens } from "./tokens.ts";

describe("loopback", () => {
  it.each(["127.0.0.1", "127.9.8.7", "localhost", "LOCALHOST", "::1", "[::1]", "::ffff:127.0.0.1"])("is %s", (host) =>
    expect(isLoopback(host)).toBe(true),
  );
  it.each(["0.0.0.0", "::", "10.0.0.1", "127.evil.example", "127.0.0.1.evil.example", "example.com", "128.0.0.1", ""])(
    "is not %s",
    (host) => expect(isLoopback(host)).toBe(false),
  );
});

describe("a token file", () => {
  it("names principals whose issuer is the file", () => {
    const text = JSON.stringify({
      "tok-a": { subject: "alice", clientId: "cli", scopes: ["admin"] },
      "tok-b": { subject: "bob" },
    });
    expect(parseTokenFile(text, "f").map(({ principal }) => principal)).toEqual([
      { issuer: "token", subject: "alice", clientId: "cli", scopes: ["admin"] },
      { issuer: "token", subject: "bob", clientId: undefined, scopes: [] },
    ]);
  });

  it("takes __proto__ for a token like any other", () => {
    expect(parseTokenFile('{"__proto__":{"subject":"eve"}}', "f")[0]?.token).toBe("__proto__");
  });

  it.each([
    ['{"secret-token": ', "it is not valid JSON"],
    ["[]", "it has to hold one object"],
    ["{}", "it names no token"],
    ['{"secret-token":"alice"}', "entry 1 is not an object"],
    ['{"secret-token":{}}', 'entry 1 needs a "subject"'],
    ['{"secret-token":{"subject":""}}', 'entry 1 needs a "subject"'],
    [
      '{"a":{"subject":"x"},"secret-token":{"subject":"x","client_id":"c"}}',
      'entry 2 has an unknown field "client_id"; did you mean "clientId"?',
    ],
    ['{"secret-token":{"subject":"x","scopes":"admin"}}', 'entry 1 has "scopes" that are not a list of texts'],
    ['{"secret token":{"subject":"x"}}', "entry 1 has a token that no header can carry"],
    ['{"":{"subject":"x"}}', "entry 1 has a token that no header can carry"],
  ])("%s is refused without repeating a token: %s", (text, problem) => {
    let message = "";
    try {
      parseTokenFile(text, "f");
    } catch (error) {
      message = error instanceof Error ? error.message : "";
    }
    expect(message).toContain(`the token file f cannot be used: ${problem}`);
    expect(message).not.toMatch(/secret.token/);
  });
});

describe("tokens", () => {
  const authenticate = authenticateTokens(
    parseTokenFile('{"tok-a":{"subject":"alice"},"__proto__":{"subject":"p"}}', "f"),
  );
  const ask = async (authorization: string | undefined): Promise<AuthAnswer> =>
    authenticate({
      header: (name) => (name === "authorization" ? authorization : undefined),
      url: "/mcp",
      method: "POST",
    });

  it("say who is asking, whatever the case of the scheme", async () => {
    for (const header of ["Bearer tok-a", "bearer tok-a", "BEARER  tok-a "]) {
      expect(await ask(header)).toMatchObject({ ok: true, principal: { issuer: "token", subject: "alice" } });
    }
  });

  it("that are missing are asked for", async () => {
    expect(await ask(undefined)).toMatchObject({ ok: false, status: 401, challenge: 'Bearer realm="holdfast"' });
  });

  it.each([
    "Bearer",
    "Bearer ",
    "Bearer tok",
    "Bearer tok-a x",
    "Bearer tok-A",
    "Basic tok-a",
    "tok-a",
    "Bearer constructor",
    "",
    "Bearer tok-a, Bearer tok-a",
  ])("are invalid: %j", async (header) => {
    expect(await ask(header)).toMatchObject({
      ok: false,
      status: 401,
      challenge: 'Bearer realm="holdfast", error="invalid_token"',
    });
  });
});
