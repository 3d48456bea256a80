// The rival that everybody writes first: readline, one regular expression, maps. It answers T3 of the bench for the nginx text log.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

const pattern = /^(\S+) \S+ \S+ \[([^:]+:\d\d:\d\d)[^\]]*\] "\S+ ([^ ?"]*)[^"]*" (\d{3}) \d+ "[^"]*" "[^"]*" \S+ (.*)$/;
const requests = new Map<string, number>();
const failures = new Map<string, number>();
const keys = new Map<string, number>();
const add = (map: Map<string, number>, key: string): unknown => map.set(key, (map.get(key) ?? 0) + 1);

for await (const line of createInterface({ input: createReadStream(process.argv[2] ?? ''), crlfDelay: Infinity })) {
  const match = pattern.exec(line);
  if (!match) continue;
  const [, client = '', minute = '', path = '', status = '', tail = ''] = match;
  const words = tail.split(' ');
  const server = (words[words.length / 3 - 1] ?? '-').replace(',', '');
  add(requests, `${minute}\t${server}`);
  if (!status.startsWith('5')) continue;
  add(failures, `${minute}\t${server}`);
  add(keys, `${minute}\t${server}\t${status}\t${path}\t${client.slice(0, client.lastIndexOf('.'))}`);
}
for (const [key, count] of requests) process.stdout.write(`R\t${key}\t${count}\n`);
for (const [key, count] of failures) process.stdout.write(`F\t${key}\t${count}\n`);
process.stdout.write(`K\t${keys.size}\n`);
