/** The media type of a `Content-Type` header, lower-case and without parameters. */
export function mediaTypeOf(header: string | undefined): string | undefined {
  return header?.split(";", 1)[0]?.trim().toLowerCase();
}

/** Whether an `Accept` header admits a media type. An absent header admits none: MCP clients must send one. */
export function accepts(header: string | undefined, type: "application/json" | "text/event-stream"): boolean {
  if (header === undefined) return false;
  const group = `${type.slice(0, type.indexOf("/"))}/*`;
  return header.split(",").some((range) => {
    const [name, ...parameters] = range.split(";");
    const wanted = name?.trim().toLowerCase();
    if (wanted !== type && wanted !== group && wanted !== "*/*") return false;
    return !parameters.some((parameter) => /^\s*q\s*=\s*0(\.0{0,3})?\s*$/i.test(parameter));
  });
}
