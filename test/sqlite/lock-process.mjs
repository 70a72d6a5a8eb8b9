/** Holds a database's write lock as another program would: takes it, says so, and lets go after so many milliseconds. */
import { loadDriver } from "../../packages/holdfast/dist/stores/sqlite/client.js";

const [path, ms] = process.argv.slice(2);
const database = (await loadDriver()).open(path);
database.exec("begin immediate");
process.stdout.write("locked\n");
setTimeout(() => {
  database.exec("commit");
  database.close();
  process.stdout.write("released\n");
}, Number(ms));
