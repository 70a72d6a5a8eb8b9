/** Declarations as the compiler writes them, laid out as the sources are. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import type { Format } from "./pages.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const mark = "export declare const holdfastNextDeclaration: never;";

/** Lays all of them out in one call: starting the formatter takes longer than its work. */
export async function formatted(codes: readonly string[]): Promise<Format> {
  const biome = spawn(
    process.execPath,
    [`${root}node_modules/@biomejs/biome/bin/biome`, "format", "--stdin-file-path=reference.d.ts"],
    { cwd: root, stdio: ["pipe", "pipe", "inherit"] },
  );
  biome.stdin.end(codes.join(`\n${mark}\n`));
  const [said] = await Promise.all([text(biome.stdout), once(biome, "close")]);
  const laidOut = said.split(mark);
  if (laidOut.length !== codes.length)
    throw new Error(`the formatter was given ${codes.length} texts, and gave ${laidOut.length}`);
  const byCode = new Map(codes.map((code, index) => [code, tidied(laidOut[index] ?? "")]));
  return (code) => byCode.get(code) ?? code;
}

/** Without what tells a reader nothing: everything on the pages is exported, and nothing private is. */
function tidied(code: string): string {
  return code
    .trim()
    .replaceAll(/^export (declare )?/gm, "")
    .replaceAll(/^ {2}#private;\n/gm, "");
}
