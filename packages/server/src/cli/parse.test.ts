import { describe, expect, it } from "vitest";

import { commands } from "../commands/registry.ts";
import { createTable } from "../settings/table.ts";
import { type CommandLine, parseCommandLine } from "./parse.ts";

const table = createTable({ platform: "linux", env: {}, home: "/h" });

function parse(...words: readonly string[]): CommandLine {
  return parseCommandLine(words, table, commands);
}

describe("a command line", () => {
  it.each([
    [["serve", "--port", "0"], { port: "0" }],
    [["--port=0"], { port: "0" }],
    [["--store=sqlite:a=b"], { store: "sqlite:a=b" }],
    [["--stdio", "serve"], { stdio: "true" }],
    [["--stdio=false"], { stdio: "false" }],
    [["--no-record-turns"], { "record-turns": "false" }],
    [["--allowed-hosts", "a,b", "--allowed-hosts=c"], { "allowed-hosts": "a,b,c" }],
    [["--port", "-1"], { port: "-1" }],
    [["--port="], { port: "" }],
  ])("%j gives %j", (words, flags) => {
    expect(Object.fromEntries(parse(...words).settings)).toEqual(flags);
  });

  it("gives a command its own flags apart from settings", () => {
    const line = parse("migrate", "--from", "a", "--config", "c", "--to=b", "--no-json");
    expect(line.command?.name).toBe("migrate");
    expect(Object.fromEntries(line.own)).toEqual({ from: "a", to: "b", json: "false" });
    expect(Object.fromEntries(line.settings)).toEqual({ config: "c" });
  });

  it.each([["--help"], ["-h"], ["help"], ["serve", "--help"], ["help", "serve"]])(
    "asks for help: %s %s",
    (...words) => {
      expect(parse(...words.filter(Boolean)).help).toBe(true);
    },
  );

  it.each([
    [["--prot", "1"], "unknown flag --prot; did you mean --port?"],
    [["-p", "1"], "unknown flag -p"],
    [["serve", "--xyzzy"], "unknown flag --xyzzy; holdfast serve --help lists what there is"],
    [["--port", "1", "--port", "2"], "--port is given twice, and has one value; leave one out"],
    [["--stdio", "--no-stdio"], "--stdio is given twice"],
    [["migrate", "--from", "a", "--from", "b"], "--from is given twice"],
    [["-port", "1"], "unknown flag -port; did you mean --port?"],
    [["--"], "unknown flag --"],
    [["--no-port"], "unknown flag --no-port"],
    [["--no-stdio=1"], "--no-stdio takes no value"],
    [["--port"], "--port needs a value: --port N"],
    [["--port", "--stdio"], "--port needs a value: --port N"],
    [["sevre"], /^unknown command "sevre" \(there is: serve, .+\); did you mean serve\?$/],
    [["migrate", "--port", "1"], "--port is a flag of serve, not of migrate"],
    [["migrate", "--form", "x"], "unknown flag --form; did you mean --from?"],
    [["--from", "x", "--to", "y"], "--from is a flag of migrate, not of serve"],
    [["serve", "8080"], 'unexpected argument "8080" after "serve"; flags begin with --'],
    [["--constructor"], "unknown flag --constructor"],
  ])("%j is refused: %s", (words, message) => {
    expect(() => parse(...words)).toThrow(message);
  });
});
