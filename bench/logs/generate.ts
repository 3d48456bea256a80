// Writes the data of the throughput bench into a folder, streaming, and keeps it there: what exists with the same recipe is used again.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

import { errorLogOf, haproxyLine, jsonLine, nginxLine } from './lines.ts';
import { trafficOf } from './traffic.ts';

/** Changes whenever the same names would hold other bytes. */
const recipe = 1;
const mebi = 1 << 20;

/** One file of the bench. */
export interface Dataset {
  readonly file: string;
  readonly bytes: number;
  readonly lines: number;
  /** Lines with a status of 500 to 599; null for an error log. */
  readonly failed: number | null;
}
export const datasetNames = ['nginx', 'nginx-4x', 'burst', 'error', 'json', 'haproxy', 'part', 'part-json', 'gz', 'zst'] as const;
export type DatasetName = (typeof datasetNames)[number];
export type Datasets = Readonly<Record<DatasetName, Dataset>>;

/** Collects text and writes it in blocks. */
class Sink {
  bytes = 0;
  lines = 0;
  failed = 0;
  private text = '';
  private readonly fd: number;
  private readonly file: string;
  constructor(file: string) {
    this.file = file;
    this.fd = openSync(`${file}.part`, 'w');
  }
  add(text: string, failed: boolean): void {
    if (text === '') return;
    this.text += text;
    this.bytes += text.length;
    this.lines++;
    if (failed) this.failed++;
    if (this.text.length > 512 << 10) this.flush();
  }
  private flush(): void {
    writeSync(this.fd, this.text, null, 'latin1');
    this.text = '';
  }
  /** Ends the file and gives it its name, so that a file that is there is whole. */
  end(hasStatus: boolean): Dataset {
    this.flush();
    closeSync(this.fd);
    renameSync(`${this.file}.part`, this.file);
    return { file: this.file, bytes: this.bytes, lines: this.lines, failed: hasStatus ? this.failed : null };
  }
}

/** Copies whole lines from the beginning of a file, about `bytes` of them, and counts them. */
function firstPart(from: Dataset, file: string, bytes: number, isFailed: (line: string) => boolean): Dataset {
  const sink = new Sink(file);
  const fd = openSync(from.file, 'r');
  const buffer = Buffer.alloc(mebi);
  let rest = '';
  try {
    while (sink.bytes < bytes) {
      const length = readSync(fd, buffer);
      if (length === 0) break;
      const lines = (rest + buffer.toString('latin1', 0, length)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (sink.bytes < bytes) sink.add(`${line}\n`, isFailed(line));
    }
  } finally {
    closeSync(fd);
  }
  return sink.end(true);
}

function packed(from: Dataset, file: string, program: string): Dataset {
  const out = openSync(`${file}.part`, 'w');
  try {
    const { status, error } = spawnSync(program, ['-c', from.file], { stdio: ['ignore', out, 'inherit'] });
    if (status !== 0) throw new Error(`${program} failed`, { cause: error });
  } finally {
    closeSync(out);
  }
  renameSync(`${file}.part`, file);
  return { ...from, file, bytes: statSync(file).size };
}

/** Says what is in `folder` already, or null where it was made by another recipe or is not complete. */
function existing(folder: string, wanted: string): Datasets | null {
  const manifest = path.join(folder, 'manifest.json');
  if (!existsSync(manifest)) return null;
  const known = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly recipe: string; readonly datasets: Datasets };
  if (known.recipe !== wanted) return null;
  const whole = Object.values(known.datasets).every(({ file, bytes }) => existsSync(file) && statSync(file).size === bytes);
  return whole ? known.datasets : null;
}

/**
 * Makes the data for an access log of `sizeMib` MiB, and the rest in proportion: 1024 is the full bench (about 9.5 GB in all). `say` is told
 * what happens.
 */
export function generate(folder: string, sizeMib: number, seed: number, say: (text: string) => void): Datasets {
  const wanted = `${recipe}/${seed}/${sizeMib}`;
  const known = existing(folder, wanted);
  if (known !== null) return known;
  mkdirSync(folder, { recursive: true });
  const at = (name: string): string => path.join(folder, name);
  const size = sizeMib * mebi;
  const lineBytes = 249;

  const timed = <T>(what: string, make: () => T): T => {
    const began = performance.now();
    const made = make();
    say(`  ${what} in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return made;
  };

  const [nginx, json, error] = timed('access log, the same as JSON, error log', () => {
    const next = trafficOf(seed, size / lineBytes, 0.005);
    const [text, asJson, errors] = [new Sink(at('access.log')), new Sink(at('access.json.log')), new Sink(at('error.log'))] as const;
    const errorLog = errorLogOf(seed + 1);
    const errorShare = 99e6 / (1 << 30);
    while (text.bytes < size) {
      const request = next();
      const failed = request.status >= 500;
      text.add(nginxLine(request), failed);
      asJson.add(jsonLine(request), failed);
      if (failed) for (const line of errorLog.failures(request).split(/(?<=\n)/)) errors.add(line, false);
      if (errors.bytes < text.bytes * errorShare) errors.add(errorLog.noise(request), false);
    }
    return [text.end(true), asJson.end(true), errors.end(false)] as const;
  });
  const simple = (
    what: string,
    name: string,
    bytes: number,
    share: number,
    offset: number,
    perLine: number,
    write: typeof nginxLine,
  ): Dataset =>
    timed(what, () => {
      const next = trafficOf(seed + offset, bytes / perLine, share);
      const sink = new Sink(at(name));
      while (sink.bytes < bytes) {
        const line = write(next());
        sink.add(line, write === haproxyLine ? / 5\d\d \d+ - - /.test(line) : / 5\d\d \d+ "/.test(line));
      }
      return sink.end(true);
    });
  const large = simple('access log, four times the size', 'access-4x.log', 4 * size, 0.005, 2, lineBytes, nginxLine);
  const burst = simple('access log with 8 % failing', 'burst.log', size, 0.08, 3, lineBytes, nginxLine);
  const haproxy = simple('HAProxy log', 'haproxy.log', size / 2, 0.005, 4, 197, haproxyLine);
  const part = timed('a quarter of the access log', () => firstPart(nginx, at('part.log'), size / 4, (line) => /" 5\d\d \d+ "/.test(line)));
  const partJson = timed('an eighth of the JSON log', () =>
    firstPart(json, at('part.json.log'), size / 4, (line) => line.includes('"status":5')),
  );
  const gz = timed('the quarter as gzip', () => packed(part, at('part.log.gz'), 'gzip'));
  const zst = timed('the quarter as zstd', () => packed(part, at('part.log.zst'), 'zstd'));
  const datasets = { nginx, 'nginx-4x': large, burst, error, json, haproxy, part, 'part-json': partJson, gz, zst };
  writeFileSync(at('manifest.json'), `${JSON.stringify({ recipe: wanted, datasets }, null, 1)}\n`);
  return datasets;
}

/** Removes what `generate` made in `folder`, and the folder where nothing else is in it. */
export function clean(folder: string): void {
  const manifest = path.join(folder, 'manifest.json');
  if (!existsSync(manifest)) throw new Error(`${folder} holds no data of this bench (no manifest.json)`);
  const { datasets } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly datasets: Datasets };
  for (const { file } of Object.values(datasets)) rmSync(path.join(folder, path.basename(file)), { force: true });
  rmSync(manifest);
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
