/** What the page on benchmarks says in words. */

export const peers = `## How the others are set up

Each as its own documentation says, with what would hold it up left out. Whatever is compared runs on one machine, in a process of its own, behind the same load generator, with the same
twelve tools and the same answers.

| | set-up | in its favour |
| --- | --- | --- |
| the bare driver (P1, P2) | one table or hash for records, one for the log; prepared or loaded once | no reads, no remembered commit ids, no quotas, no positions, no tenants |
| the SDK in memory (P3, P5) | \`@modelcontextprotocol/server\` and \`/node\` 2.x; 2025: one transport and server per session, JSON answers; 2026-07-28: \`createMcpHandler\` | nothing is stored; schemas are made once, not in each request |
| tmcp (P4) | \`@tmcp/transport-http\` with \`RedisStreamSessionManager\`, \`RedisInfoSessionManager\` and \`RedisSubscriptionManager\` on one URL; the counter is one \`HINCRBY\` | the Node adapter of Hono, faster than the one its pages show; no session is looked up to see whether it exists, since tmcp takes any id; nobody is authenticated; no turns are recorded |
| mcp-use 1.x (P4) | \`RedisSessionStore\` and \`RedisStreamManager\` with a second connection for subscriptions, \`NODE_ENV=production\`; the counter is one \`HINCRBY\` | telemetry is off, and the line it logs for each request is thrown away before it is written |
| the tutorial's calls (P6) | \`createMcpHandler\` on its stock adapter; in each call an \`UPDATE … RETURNING\` of a JSONB document and an \`INSERT\` of an event, one after the other | a connection for each call in flight, prepared statements, no transaction around the two, no read to see whether the session may be used |

holdfast in turn authenticates every request (here by a header), records the turn of each call in a 2025-era session, keeps counts and quotas of each user, and remembers commit ids, so
that a commit whose answer was lost is not made twice. Redis is set to an append-only file that is flushed every second, PostgreSQL and SQLite to flush each commit, for both sides alike.
Load and server have to share what processors there are; that, too, is the same for both.`;

export const howMeasured = `## How this is measured

\`npm run bench\` in a clone measures everything, in less than twenty minutes; \`npm run bench -- http-redis cost\` only those parts; \`-- --write\` also makes this page and its charts anew, in which parts
that were not measured stay as they were. Each run is kept as JSON in \`.cache/bench/\`. PostgreSQL and Redis are private servers in temporary folders, or those that
\`HOLDFAST_BENCH_POSTGRES_URL\` and \`HOLDFAST_BENCH_REDIS_URL\` name; where one is not installed its rows are left out.

Each comparison warms both sides, then measures rounds in turn, ours and theirs, and changes who is first. A ratio is that of one pair of rounds; the median and the extremes of all
pairs are given. For P9 a session is opened on one node and then used twice on another, one request at a time. For P7 one process opens the sessions, and what its memory grew by is read after a
collection; below 0 it gave back meanwhile what the first ones had taken. Microseconds of processors are what the operating system charges the processes with.`;
