// `npm run demo [FAULT[:VARIANT]]`: builds a real load-balanced site out of namespaces, breaks it, lets the real command line find the
// cause, heals it, and takes everything away again. What is printed after `$` is what a person would type.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { parse } from 'yaml';

const root = path.join(import.meta.dirname, '..');
const program = path.join(root, 'src/cli/main.ts');

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    balancer: { type: 'string', default: 'nginx' },
    layer: { type: 'string', default: '7' },
    lang: { type: 'string', default: 'en' },
    inside: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const fault = positionals[0] ?? 'fpm-max-children';

/** The world that the demo plays in: its own network, mounts, processes and /run, all of which end with its first process. */
const world = ['--net', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];
const enterWorld = 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/lock && ip link set lo up && "$@"';

interface LabSite {
  readonly url: string;
  readonly resolve: Readonly<Record<string, string>>;
  readonly ca?: string;
}

if (flags.help) {
  console.log('npm run demo -- [FAULT[:VARIANT]] [--balancer nginx|haproxy] [--layer 7|4] [--lang en|zh]\n\nFaults: npm run lab -- list');
} else if (!flags.inside) {
  const child = spawn(
    'unshare',
    [...world, 'sh', '-c', enterWorld, 'sh', process.execPath, import.meta.filename, '--inside', ...process.argv.slice(2)],
    { stdio: 'inherit' },
  );
  // unshare itself ignores these; its end takes the whole world with it.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGKILL'));
  process.on('SIGINT', () => undefined); // the terminal has told everybody in there already
  child.on('error', (error) => {
    console.error(`The demo needs unshare (Debian package util-linux): ${error.message}`);
    process.exit(2);
  });
  child.on('exit', (code) => process.exit(code ?? 2));
} else {
  const folder = mkdtempSync(path.join(tmpdir(), 'why5xx-demo-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  process.on('SIGINT', () => process.exit(130));
  process.exitCode = play(folder);
}

/** The play itself. Returns 0 when the cause was found and the healed site was found healthy. */
function play(folder: string): number {
  const say = (text: string): void => console.log(`\n${styleText('bold', text)}`);
  const shown = (words: readonly string[]): string => words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).join(' ');
  const prompt = (line: string): void => console.log(`${styleText('dim', '$')} ${line}`);

  /** Runs why5xx as a person would and returns its exit code. */
  function why5xx(words: readonly string[], options: { readonly into?: string } = {}): number {
    prompt(`why5xx ${shown(words)}${options.into === undefined ? '' : ` > ${options.into}`}`);
    const ran = spawnSync(process.execPath, [program, ...words], {
      cwd: folder,
      stdio: ['ignore', options.into === undefined ? 'inherit' : 'pipe', 'inherit'],
      timeout: 180_000,
    });
    if (options.into !== undefined) writeFileSync(path.join(folder, options.into), ran.stdout);
    return ran.status ?? 2;
  }
  /** Like `why5xx`, for what must succeed for the demo to go on. */
  function must(words: readonly string[], options: { readonly into?: string } = {}): void {
    const code = why5xx(words, options);
    if (code !== 0) {
      console.error(`\nThe demo ends here: why5xx ${shown(words)} ended with ${String(code)}.`);
      process.exit(2);
    }
  }
  /** Six requests at once, as a user's browser would ask for them: some failures hit only one backend. */
  function curl(): void {
    const site = parse(readFileSync(path.join(folder, 'shop.yaml'), 'utf8')) as LabSite;
    const { hostname, port, protocol, search } = new URL(site.url);
    const at = `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}:${site.resolve[hostname] ?? ''}`;
    const trust = site.ca === undefined ? [] : ['--cacert', site.ca];
    const format = String.raw`%{http_code} after %{time_total} s\n`;
    const words = [
      '--no-progress-meter',
      '-Z',
      '-m',
      '15',
      '-o',
      '/dev/null',
      '-w',
      format,
      ...trust,
      '--resolve',
      at,
      `${site.url}${search === '' ? '?' : '&'}try=[1-6]`,
    ];
    prompt(`curl ${shown(words)}`);
    spawnSync('curl', words, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'], timeout: 20_000 });
  }

  say(`A shop: two clients on two ISPs → anti-DDoS edge → ${flags.balancer} → three backends with nginx and php-fpm`);
  must(['lab', 'up', '--balancer', flags.balancer, '--layer', flags.layer]);
  must(['lab', 'site'], { into: 'shop.yaml' });
  curl();

  say('Something breaks');
  must(['lab', 'break', fault]);
  must(['lab', 'site'], { into: 'shop.yaml' });
  curl();

  say('Why?');
  const language = flags.lang === 'en' ? [] : ['--lang', flags.lang];
  const found = why5xx(['shop.yaml', ...language, '--save', 'evidence.json']);
  const cause = verdictIn(folder);

  say('Healed, and looked at again');
  must(['lab', 'heal']);
  must(['lab', 'site'], { into: 'shop.yaml' });
  curl();
  const healed = why5xx(['shop.yaml', ...language]);
  must(['lab', 'down']);

  const right = found === 1 && cause === fault.split(':')[0];
  say(
    right && healed === 0
      ? `Broken: ${fault}. Named: ${cause}. Nothing of it is left on this machine.`
      : `Broken: ${fault}. Named: ${cause ?? 'nothing'}${healed === 0 ? '' : `, and the healed site was not found healthy (exit code ${String(healed)})`}. This is a bug: please report it.`,
  );
  return right && healed === 0 ? 0 : 1;
}

/** Id of the first cause in the saved evidence, judged again. */
function verdictIn(folder: string): string | undefined {
  const ran = spawnSync(process.execPath, [program, 'judge', 'evidence.json', '-o', 'json'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (ran.stdout === '') return undefined;
  return (JSON.parse(ran.stdout) as { readonly causes: readonly { readonly id: string }[] }).causes[0]?.id;
}
