// The command with which somebody else sees the failure too: the same request, from their place, to the same address, without secrets.
import type { Report } from '../model/report.ts';

type Symptom = Report['symptoms'][number];

interface Place {
  readonly host: string;
  readonly port: string | null;
}

/** Host and port of `10.0.0.1:80`, `[::1]:80`, `10.0.0.1`, `::1`; null for anything that is no address. */
function placeOf(text: string): Place | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z.-]+)|([0-9A-Fa-f]*:[0-9A-Fa-f:.]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? match?.[3];
  return host === undefined ? null : { host, port: match?.[4] ?? null };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * Words of a curl command that repeats a symptom's request. `address` sends it to that hop whatever the name resolves to; null lets
 * the name decide. Null where the URL is none.
 */
export function curlCommand(
  report: Report,
  symptom: Pick<Symptom, 'url' | 'method' | 'maxMs'>,
  address: string | null,
): readonly string[] | null {
  if (!URL.canParse(symptom.url)) return null;
  const url = new URL(symptom.url);
  const port = url.port === '' ? (url.protocol === 'http:' ? '80' : '443') : url.port;
  const seconds = Math.max(30, Math.ceil((symptom.maxMs / 1000) * 1.5));
  const place = address === null ? null : placeOf(address);
  const literal = /^[\d.]+$|^\[/.test(url.hostname);
  const to = place === null || (literal && bracketed(place.host) === url.hostname) ? [] : connection(url.hostname, port, place);
  const method =
    symptom.method === 'HEAD' ? ['-I'] : symptom.method === 'GET' || !/^[A-Z]{3,10}$/.test(symptom.method) ? [] : ['-X', symptom.method];
  const agent = `why5xx/${/^[\w.+-]{1,40}$/.test(report.tool) ? report.tool : '0'} (+ticket)`;
  const timing = '%{http_code} after %{time_total} s (connected %{time_connect}, first byte %{time_starttransfer})\\n';
  return [
    'curl',
    '-sS',
    '-o',
    '/dev/null',
    ...(symptom.method === 'HEAD' ? [] : ['-D', '-']),
    '-m',
    String(seconds),
    '-A',
    agent,
    ...method,
    ...to,
    '-w',
    timing,
    symptom.url,
  ];
}

function connection(name: string, port: string, place: Place): readonly string[] {
  if (place.port === null || place.port === port) return ['--resolve', `${name}:${port}:${bracketed(place.host)}`];
  return ['--connect-to', `${name}:${port}:${bracketed(place.host)}:${place.port}`];
}
