/**
 * Where mcp-use is: tests of its adapter install it, since its hundreds of megabytes would burden everybody's `npm ci`.
 * Their program is found as it was compiled, beside this one.
 */
export async function mcpUseServer(): Promise<string> {
  const installer: string = new URL("../../test/tools/install.js", import.meta.url).href;
  // What `test/tools/install.ts` exports.
  const { mcpUseServer: find } = (await import(installer)) as { mcpUseServer: () => Promise<string> };
  return await find();
}
