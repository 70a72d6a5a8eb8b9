/** A process that opens a SQLite store and does with it what its parent asks, until the parent lets go of it. */
import { sqliteStore } from "holdfast/stores/sqlite";

let store;
let ahead = 0;
const controllers = new Map();
const subscriptions = new Map();

const calls = {
  open: async (path, startAhead) => {
    ahead = startAhead;
    store = await sqliteStore({ path, clock: () => Date.now() + ahead });
    return store.traits;
  },
  advance: (ms) => {
    ahead += ms;
  },
  subscribe: (topic, number) => {
    subscriptions.set(
      number,
      store.subscribe(topic, (hint) => process.send({ heard: number, hint })),
    );
  },
  unsubscribe: (number) => subscriptions.get(number)?.(),
};

process.on("message", (request) => void serve(request));

async function serve(request) {
  if (request.abort !== undefined) {
    controllers.get(request.abort)?.abort();
    return;
  }
  const { id, call, args } = request;
  const controller = new AbortController();
  controllers.set(id, controller);
  try {
    const value = await answer(call, args, controller.signal);
    if (process.connected) process.send({ id, value });
  } catch (error) {
    const { code, message, details = {} } = error;
    if (process.connected) process.send({ id, failure: { code, message, details } });
  } finally {
    controllers.delete(id);
  }
}

function answer(call, args, signal) {
  if (call in calls) return calls[call](...args);
  const [door, method] = call.includes(".") ? [store.admin, call.split(".")[1]] : [store, call];
  // A signal cannot be sent: where one belongs, the sender put this mark.
  return door[method](...args.map((arg) => (arg?.signal === "signal" ? { ...arg, signal } : arg)));
}
