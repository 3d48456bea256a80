// What applications of every language say when a database, a cache or another service behind them fails. The same failure has the same id in
// every log, whoever wrote it.
import type { Product } from '../records.ts';
import { entriesOf, type Signature } from './signature.ts';

interface Failure {
  readonly id: string;
  /** Told by the text alone, wherever in the message it stands. Alternatives begin with literals, so a search is linear. */
  readonly text: RegExp;
  readonly samples: { readonly php: string; readonly python: string; readonly node: string; readonly java: string };
  readonly proves: string;
  readonly doesNotProve: string;
}

const failures: readonly Failure[] = [
  {
    id: 'dependency-name',
    text: /getaddrinfo (?:failed|for \S{1,200} failed|ENOTFOUND|EAI_AGAIN)|getaddrinfo\(\)? failed|Name or service not known|Temporary failure in name resolution|nodename nor servname|UnknownHostException|Unknown MySQL server host|could not translate host name|Could not resolve host|no such host|Name does not resolve|NameResolutionError|ENOTFOUND \S|EAI_AGAIN \S/,
    samples: {
      php: 'SQLSTATE[HY000] [2002] php_network_getaddresses: getaddrinfo for db.internal failed: Name or service not known',
      python: 'psycopg2.OperationalError: could not translate host name "db.internal" to address: Temporary failure in name resolution',
      node: 'Error: getaddrinfo ENOTFOUND db.internal',
      java: 'java.net.UnknownHostException: db.internal',
    },
    proves: 'The application could not look up the name of a service it needs.',
    doesNotProve: 'That the service is down: it was never reached.',
  },
  {
    id: 'dependency-full',
    text: /Too many connections|too many clients already|remaining connection slots are reserved|max number of clients reached|max_user_connections|QueuePool limit of size|Connection is not available, request timed out after|[Tt]imeout waiting for connection from pool|PoolExhaustedException|Pool exhausted|pool error Timeout|could not obtain a connection from the pool|could not obtain a database connection within|Unable to acquire JDBC Connection|Timeout acquiring a connection|TimeoutError: ResourceRequest timed out|Cannot get a connection, pool error|SequelizeConnectionAcquireTimeoutError|fetching a new connection from the connection pool|request was dropped from queue after|ORA-000(?:18|19|20)|ORA-125(?:16|19)/,
    samples: {
      php: 'SQLSTATE[HY000] [1040] Too many connections',
      python: 'sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00',
      node: 'error: sorry, too many clients already',
      java: 'java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms.',
    },
    proves: 'No connection to a database or service was free: its limit or the limit of the pool was reached.',
    doesNotProve: 'That the limit is too low: slow queries hold connections.',
  },
  {
    id: 'dependency-login',
    text: /Access denied for user|ORA-01017|ORA-28000|password authentication failed|NOAUTH Authentication required|WRONGPASS|Unknown database|database "[^"]{1,100}" does not exist|no pg_hba\.conf entry|Authentication failed\.?,? .{0,40}SCRAM|MongoServerError: Authentication failed|Login failed for user|Host '[^']{1,200}' is (?:not allowed to connect|blocked because of many)/,
    samples: {
      php: "SQLSTATE[HY000] [1045] Access denied for user 'app'@'10.0.0.7' (using password: YES)",
      python: 'psycopg2.OperationalError: FATAL:  password authentication failed for user "app"',
      node: 'MongoServerError: Authentication failed.',
      java: 'org.postgresql.util.PSQLException: FATAL: database "shop" does not exist',
    },
    proves: 'A database or service refused the login of the application.',
    doesNotProve: 'That the service is down.',
  },
  {
    id: 'dependency-refused',
    text: /ECONNREFUSED|ConnectionRefusedError|ConnectException: (?:Connection refused|Failed to connect)|\[2002\] (?:Connection refused|No such file or directory)|HY000\/2002\)?:? ?(?:Connection refused|No such file)|Can't connect to (?:local )?(?:MySQL|MariaDB) server|could not connect to server: (?:Connection refused|No such file)|connection to server [^\n]{1,200}? failed: (?:Connection refused|No such file|FATAL: +the database system is)|Errno 111\]? ?(?:Connection refused|connecting to)|Error 111 connecting to|RedisException: Connection refused|Redis(?:Cluster)?Exception: (?:Connection refused|No such file)|[Cc]onnect: connection refused|Connection refused \[tcp:|cURL error 7\b|NoNodesAvailable|Can't reach database server at|No alive nodes found|Connection refused - connect\(2\)|PG::ConnectionBad|Communications link failure|the database system is (?:starting up|shutting down|in recovery mode)|actively refused it|\(os error 111\)|Cannot connect to host \S|ORA-125(?:41|14|05)|SocketException \(111\)|Faraday::ConnectionFailed|failed to connect to server \[|network-related or instance-specific error/,
    samples: {
      php: 'SQLSTATE[HY000] [2002] Connection refused',
      python: 'redis.exceptions.ConnectionError: Error 111 connecting to 10.0.0.9:6379. Connection refused.',
      node: 'Error: connect ECONNREFUSED 10.0.0.9:5432',
      java: 'com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure',
    },
    proves: 'A service that the application needs did not take its connection.',
    doesNotProve: 'That it is stopped: a wrong address or a firewall that rejects looks the same.',
  },
  {
    id: 'dependency-unreachable',
    text: /EHOSTUNREACH|ENETUNREACH|NoRouteToHostException|\[2002\] (?:No route to host|Network is unreachable|Connection timed out|Operation timed out)|HY000\/2002\)?:? ?(?:No route to host|Network is unreachable|Connection timed out|Operation timed out)|Errno 113\]? ?(?:No route|connecting)|could not connect to server: (?:No route to host|Connection timed out|Network is unreachable)|connection to server [^\n]{1,200}? failed: (?:No route to host|Connection timed out|Network is unreachable|timeout expired)|ConnectTimeoutError|[Cc]onnect timed out|connect ETIMEDOUT|ConnectTimeoutException|ServerSelectionTimeoutError|MongoServerSelectionError|buffering timed out after|UND_ERR_CONNECT_TIMEOUT|Net::OpenTimeout|ORA-12170|SocketException \(110\)|cURL error 28: (?:Connection timed out|Failed to connect|Connection timeout)|Connection timed out \[tcp:|dial tcp [^\n]{1,120}?: (?:i\/o timeout|connect: no route)/,
    samples: {
      php: 'SQLSTATE[HY000] [2002] Connection timed out',
      python: 'pymongo.errors.ServerSelectionTimeoutError: 10.0.0.9:27017: timed out, Timeout: 30s',
      node: 'Error: connect ETIMEDOUT 10.0.0.9:3306',
      java: 'java.net.SocketTimeoutException: connect timed out',
    },
    proves: 'A service that the application needs did not answer its attempt to connect.',
    doesNotProve: 'That it is down: a dropped packet looks the same.',
  },
  {
    id: 'dependency-slow',
    text: /Lock wait timeout exceeded|canceling statement due to (?:statement|lock) timeout|Deadlock found|deadlock detected|cURL error 28: Operation timed out|Operation timed out after \d+ milliseconds|ReadTimeout(?:Error|Exception|:)|Read timed out|read ETIMEDOUT|ESOCKETTIMEDOUT|ECONNABORTED|timeout of \d+ms exceeded|read error on connection|net_read_timeout|Timeout reading from|Query execution was interrupted|statement timeout|SocketTimeoutException: (?:Read )?timed? ?out|max_statement_time exceeded|HeadersTimeoutError|BodyTimeoutError|UND_ERR_(?:HEADERS|BODY)_TIMEOUT|Net::ReadTimeout|HttpClient\.Timeout of|Execution Timeout Expired/,
    samples: {
      php: 'SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded; try restarting transaction',
      python: "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='pay.example.com', port=443): Read timed out. (read timeout=30)",
      node: 'AxiosError: timeout of 30000ms exceeded',
      java: 'java.net.SocketTimeoutException: Read timed out',
    },
    proves: 'A service that the application needs answered too late.',
    doesNotProve: 'Which side is slow: the query itself may be.',
  },
  {
    id: 'dependency-gone',
    text: /server has gone away|Lost connection to (?:MySQL|MariaDB) server|server closed the connection unexpectedly|terminating connection due to administrator command|SSL connection has been closed unexpectedly|Connection reset by peer \[tcp|went away|Connection lost: The server closed the connection|PROTOCOL_CONNECTION_LOST|ECONNRESET|other side closed|UND_ERR_SOCKET|Connection is closed\.?$|This connection has been closed/,
    samples: {
      php: 'SQLSTATE[HY000]: General error: 2006 MySQL server has gone away',
      python: 'psycopg2.OperationalError: server closed the connection unexpectedly',
      node: 'Error: Connection lost: The server closed the connection.',
      java: 'org.postgresql.util.PSQLException: FATAL: terminating connection due to administrator command',
    },
    proves: 'A service ended the connection of the application.',
    doesNotProve: 'Why: a restart, an idle limit or a crash.',
  },
  {
    id: 'dependency-read-only',
    text: /READONLY You can't write|MISCONF Redis is configured to save|OOM command not allowed|--read-only option so it cannot|cannot execute [A-Z ]{1,40} in a read-only transaction|The table '[^']{1,100}' is full|disk (?:usage exceeded|watermark)|could not extend file|LOADING Redis is loading/,
    samples: {
      php: 'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
      python: "redis.exceptions.ReadOnlyError: READONLY You can't write against a read only replica.",
      node: "ReplyError: OOM command not allowed when used memory > 'maxmemory'.",
      java: 'org.postgresql.util.PSQLException: ERROR: cannot execute INSERT in a read-only transaction',
    },
    proves: 'A database or cache is up and refuses to write.',
    doesNotProve: 'Why.',
  },
];

/** Matches every message that one of these entries knows; others leave such a message to them. */
export const dependencyText = new RegExp(failures.map(({ text }) => text.source).join('|'));

// `fatal` is captured where the language says that the request ended with it.
const php = String.raw`(?=(?:[\s\S]{0,300}?(?<fatal>Fatal error|Uncaught ))?)[\s\S]{0,3000}?`;
const any = String.raw`[\s\S]{0,3000}?`;
/** What a proxy says of its own backend is about no dependency. */
const notProxy = String.raw`(?!\[HPM\]|\[vite\] http proxy|Proxy error: |Failed to proxy |Error occurred while trying to proxy|Error: Could not proxy|[\s\S]{0,300}?(?:http: proxy error|originService|reach the origin|(?:Bad Gateway|Gateway Timeout|Internal Server Error|Service Unavailable)' caused by|[Ee]rror proxying))`;
const wraps: readonly {
  readonly source: Product;
  readonly head: string;
  readonly wrap: (samples: Failure['samples']) => string;
}[] = [
  { source: 'php', head: `^${php}`, wrap: (of) => `PHP Fatal error:  Uncaught Exception: ${of.php} in /srv/app/db.php:3` },
  {
    source: 'php-fpm',
    head: String.raw`^(?:\[pool (?<pool>[^\]]+)\] )?child (?<pid>\d+) said into std(?:err|out): "${php}`,
    wrap: (of) =>
      `[pool www] child 77 said into stderr: "NOTICE: PHP message: PHP Fatal error:  Uncaught Exception: ${of.php} in /srv/app/db.php:3"`,
  },
  {
    source: 'nginx',
    head: `^FastCGI sent in stderr: "${php}`,
    wrap: (of) =>
      `FastCGI sent in stderr: "PHP message: PHP Fatal error:  Uncaught Exception: ${of.php} in /srv/app/db.php:3" while reading response header from upstream`,
  },
  {
    source: 'apache',
    head: String.raw`^(?:AH01071: Got error '|AH01215: |PHP |\[wsgi|mod_wsgi|[\w.]+(?:Error|Exception))${php}`,
    wrap: (of) => `AH01071: Got error 'PHP message: PHP Fatal error:  Uncaught Exception: ${of.php} in /srv/app/db.php:3'`,
  },
  { source: 'gunicorn', head: `^${any}`, wrap: (of) => `Error handling request /\nTraceback (most recent call last):\n${of.python}` },
  { source: 'uwsgi', head: `^${any}`, wrap: (of) => of.python },
  { source: 'node', head: `^${notProxy}${any}`, wrap: (of) => of.node },
  { source: 'tomcat', head: `^${any}`, wrap: (of) => `Servlet.service() for servlet [x] threw exception ${of.java}` },
  { source: 'other', head: `^${notProxy}${any}`, wrap: (of) => of.java },
];

export const dependencySignatures: readonly Signature[] = wraps.flatMap(({ source, head, wrap }) =>
  failures.map(({ id, text, samples, proves, doesNotProve }) =>
    entriesOf(source)(id, new RegExp(`${head}(?<what>${text.source})`), wrap(samples), proves, doesNotProve),
  ),
);
