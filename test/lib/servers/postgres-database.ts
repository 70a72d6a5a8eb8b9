/** Databases of their own on a test's PostgreSQL server. */

interface Client {
  connect(): Promise<void>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
}

type Driver = {
  readonly default: { readonly Client: new (settings: { readonly connectionString: string }) => Client };
};

/** The package brings no types, and what is used of it is little. */
const driverName: string = "pg";

/** Makes an empty database and answers its URL. It goes with the server. */
export async function freshDatabase(serverUrl: string, name: string): Promise<string> {
  const driver = (await import(driverName)) as Driver;
  const client = new driver.default.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
