/**
 * Every test file has to give back what it opened. After its last hook this looks at what would keep the process
 * alive, waits a little for closing to finish, and fails the file if something stays.
 */
import { afterAll, expect } from "vitest";

const deadlineMs = 15_000;
const watched = new Set(["FSEventWrap", "ProcessWrap", "StatWatcher", "TCPServerWrap", "TCPSocketWrap", "Timeout"]);

// Set up before any hook of the file, so that this one runs after all of them.
const before = openHandles();

afterAll(async () => {
  const deadline = Date.now() + deadlineMs;
  let left = added(before, openHandles());
  while (left.length > 0 && Date.now() < deadline) {
    // Unreferenced, or the wait itself would count as something left open.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 20);
      timer.unref();
    });
    left = added(before, openHandles());
  }
  expect(left, "handles this file left open").toEqual([]);
});

function openHandles(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) {
    if (watched.has(type)) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts;
}

function added(earlier: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] {
  return [...now]
    .filter(([type, count]) => count > (earlier.get(type) ?? 0))
    .map(([type, count]) => `${count} × ${type}`);
}
