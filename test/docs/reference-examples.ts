/** The examples of a page of the reference, with what they take as given, so that each compiles alone. */

/** @param around the text of `around-examples.ts`. What the page's entry exports is given besides, and comes first. */
export function referenceExamplesOf(page: string, around: string): readonly string[] {
  const [, entry = ""] = /^# `(.+)`$/m.exec(page) ?? [];
  const exported = [...page.matchAll(/^### (function|class|const|type) `(.+)`$/gm)];
  const values = exported.filter(([, what]) => what !== "type").map(([, , name = ""]) => name);
  const types = exported.filter(([, what]) => what === "type").map(([, , name = ""]) => name);
  const given = [...around.matchAll(/^export (?:declare )?const (\w+)|^export \{ (.+) \} from/gm)]
    .flatMap(([, name, list = ""]) => (name === undefined ? list.split(", ") : [name]))
    .filter((name) => !values.includes(name));
  return [...page.matchAll(/^Example:\n\n```typescript\n([\s\S]*?)^```/gm)].map(([, code = ""]) => {
    const imports = code.match(/^import .*$/gm) ?? [];
    const body = code.replaceAll(/^import .*$/gm, "").replaceAll(/^export default /gm, "void ");
    return [
      `import { ${values.join(", ")} } from "${entry}";`,
      `import type { ${types.join(", ")} } from "${entry}";`,
      `import { ${given.join(", ")} } from "../docs/around-examples.ts";`,
      ...imports,
      `const { ${serverOf(entry)}: server } = servers;`,
      `export async function example(): Promise<unknown> {\n${body}\nreturn;\n}`,
    ].join("\n");
  });
}

/** What examples call `server` is the host's. */
function serverOf(entry: string): "first" | "tiny" | "own" {
  if (entry === "holdfast/adapters/tools") return "first";
  return entry === "holdfast/adapters/tmcp" ? "tiny" : "own";
}
