// A real clickhouse-server for tests: own configuration, ports and folder, on loopback, ended by its pid.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = '/usr/sbin/clickhouse-server';

export interface ClickhouseServer extends AsyncDisposable {
  readonly port: number;
  /** Of the native protocol; 0 where it is not known. */
  readonly tcpPort: number;
  /** Runs a statement with all rights; rejects with the server's words. */
  run(statement: string, body?: string): Promise<string>;
}

/** Passwords of the server's users. `reader` has the profile with readonly=1, `limited` may read ten rows. */
export const passwords = { reader: 'reader-pass-9', limited: 'limited-pass-9' } as const;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const users = `<yandex>
  <profiles>
    <default><max_memory_usage>2000000000</max_memory_usage></default>
    <readonly><readonly>1</readonly></readonly>
  </profiles>
  <users>
    <default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
    <reader><password>${passwords.reader}</password><networks><ip>127.0.0.1</ip></networks><profile>readonly</profile><quota>default</quota></reader>
    <limited><password>${passwords.limited}</password><networks><ip>127.0.0.1</ip></networks><profile>readonly</profile><quota>small</quota></limited>
  </users>
  <quotas>
    <default><interval><duration>3600</duration><queries>0</queries><errors>0</errors><result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time></interval></default>
    <small><interval><duration>3600</duration><queries>1</queries><errors>0</errors><result_rows>0</result_rows><read_rows>0</read_rows><execution_time>0</execution_time></interval></small>
  </quotas>
</yandex>`;

/**
 * The server of the Debian package, or the one at `WHY5XX_TEST_CLICKHOUSE` (a port on loopback) where that is set: so the same
 * tests run against any version.
 */
export async function startClickhouse(): Promise<ClickhouseServer> {
  const given = process.env['WHY5XX_TEST_CLICKHOUSE'];
  if (given !== undefined) return { port: Number(given), tcpPort: 0, run: runner(Number(given)), [Symbol.asyncDispose]: async () => {} };
  return startPackagedClickhouse();
}

/** Starts the server of the Debian package. */
export async function startPackagedClickhouse(): Promise<ClickhouseServer> {
  if (!existsSync(program)) throw new Error(`${program} is missing: run npm run setup`);
  const folder = await mkdtemp(join(tmpdir(), 'why5xx-clickhouse-'));
  const [port, tcp, interserver] = [await freePort(), await freePort(), await freePort()];
  await Promise.all(['data', 'tmp', 'files', 'formats'].map((name) => mkdir(join(folder, name))));
  await writeFile(join(folder, 'users.xml'), users);
  await writeFile(
    join(folder, 'config.xml'),
    `<yandex>
  <logger><level>warning</level><log>${folder}/server.log</log><errorlog>${folder}/error.log</errorlog></logger>
  <http_port>${String(port)}</http_port><tcp_port>${String(tcp)}</tcp_port><interserver_http_port>${String(interserver)}</interserver_http_port>
  <listen_host>127.0.0.1</listen_host><max_concurrent_queries>20</max_concurrent_queries>
  <mark_cache_size>67108864</mark_cache_size><uncompressed_cache_size>0</uncompressed_cache_size>
  <path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path><user_files_path>${folder}/files/</user_files_path>
  <format_schema_path>${folder}/formats/</format_schema_path>
  <users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
  <timezone>Asia/Shanghai</timezone>
</yandex>`,
  );
  const child = spawn(program, [`--config-file=${join(folder, 'config.xml')}`], { cwd: folder, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    // It would take eight seconds over a tidy end, and nothing of it is kept.
    child.kill('SIGKILL');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + 40_000;
  for (;;) {
    const alive = await fetch(`http://127.0.0.1:${String(port)}/ping`).then(
      (response) => response.ok,
      () => false,
    );
    if (alive) break;
    if (child.exitCode !== null || Date.now() > deadline) {
      const said = await readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
      await stop();
      throw new Error(`clickhouse-server did not start: ${said.slice(-2000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { port, tcpPort: tcp, run: runner(port), [Symbol.asyncDispose]: stop };
}

function runner(port: number): ClickhouseServer['run'] {
  return async (statement, body) => {
    const url = new URL(`http://127.0.0.1:${String(port)}/`);
    if (body !== undefined) url.searchParams.set('query', statement);
    const response = await fetch(url, { method: 'POST', body: body ?? statement });
    const text = await response.text();
    if (!response.ok) throw new Error(`${statement.slice(0, 200)}: ${text.slice(0, 1000)}`);
    return text;
  };
}
