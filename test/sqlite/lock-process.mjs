/** Holds a database's write lock as another program would: takes it, says so, and lets go when it is told to. */
import { loadDriver } from "../../packages/holdfast/dist/stores/sqlite/client.js";

const [path] = process.argv.slice(2);
const database = (await loadDriver()).open(path);
database.exec("begin immediate");
process.stdout.write("locked\n");
process.stdin.once("data", () => {
  database.exec("commit");
  database.close();
  process.stdin.pause();
});
