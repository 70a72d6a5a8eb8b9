/**
 * Circles in a graph of imports, each as the files on it in order. Finds at least one in every graph that has any; where
 * circles overlap, undoing those found may show others. An explicit stack, so that long chains do not overflow.
 */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const cycles: (readonly string[])[] = [];
  const done = new Set<string>();
  for (const start of graph.keys()) {
    const path: string[] = [];
    const onPath = new Set<string>();
    const stack: { readonly node: string; readonly rest: string[] }[] = [];
    const enter = (node: string): void => {
      path.push(node);
      onPath.add(node);
      stack.push({ node, rest: [...(graph.get(node) ?? [])] });
    };
    if (!done.has(start)) enter(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.rest.pop();
      if (next === undefined) {
        stack.pop();
        path.pop();
        onPath.delete(top.node);
        done.add(top.node);
      } else if (onPath.has(next)) {
        cycles.push(path.slice(path.indexOf(next)));
      } else if (!done.has(next)) {
        enter(next);
      }
    }
  }
  return cycles;
}
