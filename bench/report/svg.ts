/** As much of SVG as bar charts need: legible on light and dark pages alike, since each brings its own ground. */

export type Shape = string;

const style = `
  svg { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; }
  .ground { fill: #ffffff; stroke: #d0d7de; }
  text { fill: #1f2328; }
  .muted { fill: #59636e; }
  .title { font-weight: 600; font-size: 15px; }
  .grid { stroke: #d8dee4; }
  .goal { stroke: #1f2328; stroke-width: 1.5; }
  .whisker { stroke: #1f2328; stroke-width: 1.2; }
  .ours { fill: #2f81f7; }
  .theirs { fill: #a0a8b1; }
  .missed { fill: #e08a2b; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d; }
    text { fill: #e6edf3; }
    .muted { fill: #9198a1; }
    .grid { stroke: #262c36; }
    .goal, .whisker { stroke: #e6edf3; }
    .ours { fill: #4493f8; }
    .theirs { fill: #6e7681; }
    .missed { fill: #d4802a; }
  }`;

/** @param description says in words what the picture shows, for who does not see it. */
export function picture(width: number, height: number, description: string, shapes: readonly Shape[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(description)}">
<style>${style}
</style>
<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
${shapes.join("\n")}
</svg>
`;
}

export function bar(kind: "ours" | "theirs" | "missed", x: number, y: number, width: number, height: number): Shape {
  return `<rect class="${kind}" x="${at(x)}" y="${at(y)}" width="${at(Math.max(width, 1))}" height="${at(height)}" rx="2"/>`;
}

export function line(kind: "grid" | "goal" | "whisker", x1: number, y1: number, x2: number, y2: number): Shape {
  return `<line class="${kind}" x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"/>`;
}

/** Between two values, with a stroke at each end. */
export function whisker(from: number, to: number, y: number): readonly Shape[] {
  return [
    line("whisker", from, y, to, y),
    line("whisker", from, y - 3, from, y + 3),
    line("whisker", to, y - 3, to, y + 3),
  ];
}

export function text(
  words: string,
  x: number,
  y: number,
  { anchor = "start", kind }: { readonly anchor?: "start" | "middle" | "end"; readonly kind?: "title" | "muted" } = {},
): Shape {
  const look = kind === undefined ? "" : ` class="${kind}"`;
  return `<text${look} x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
