// Layer-7 access logs of Alibaba Cloud's load balancers, as Simple Log Service exports them: JSON lines or CSV.
import type { AccessRecord, LogFamily, LogFormat, Product } from '../records.ts';
import { isoMoment } from './dates.ts';
import { accessFormat, bestOf } from './detect.ts';
import { childOf, objectOf, textOf, type JsonObject } from './json-line.ts';
import { accessRecordOf, secondsMs, statusOf } from './raw-access.ts';
import { csvFields } from './words.ts';

/** Alibaba's fields are those of the nginx below it. `get` returns the empty string for a field that is missing. */
function alibabaRecord(get: (name: string) => string): AccessRecord | null {
  const status = statusOf(get('status'));
  if (status === null) return null;
  const seconds = /^\d{10}$/.test(get('__time__')) ? Number(get('__time__')) * 1000 : null;
  const moment = isoMoment(get('time'), 0);
  const record = accessRecordOf(
    {
      client: get('client_ip') || get('http_x_real_ip'),
      method: get('request_method'),
      request: '',
      uri: get('request_uri'),
      args: '',
      host: get('http_host') || get('host'),
      status: get('status'),
      addresses: get('upstream_addr') || '-',
      statuses: get('upstream_status') || '-',
      connectTimes: '',
      headerTimes: '',
      responseTimes: get('upstream_response_time'),
      upstreamBytes: '',
      requestId: get('request_id') || get('http_x_request_id') || get('traceid'),
      pool: '',
    },
    moment?.at ?? seconds,
    moment === null || moment.zoned,
    secondsMs(get('request_time')),
  );
  const last = record.tries.at(-1)?.status ?? null;
  // The documentation of status codes: no upstream status is the balancer's own answer, an equal one is the backend's.
  return { ...record, answeredBy: last === null ? 'self' : last === status ? 'upstream' : null };
}

const alibabaKeys = ['status', 'upstream_status', 'upstream_addr'];

/** Reads the export as JSON, one object per line; some collectors put the fields under `contents` or `content`. */
function alibabaJson(idKey: string): (line: string) => AccessRecord | null {
  return (line) => {
    const whole = objectOf(line);
    if (whole === null) return null;
    const entry: JsonObject = childOf(whole, 'contents') ?? childOf(whole, 'content') ?? whole;
    if (!(idKey in entry) || !alibabaKeys.every((key) => key in entry)) return null;
    return alibabaRecord((name) => textOf(entry, name) || (name === '__time__' ? textOf(whole, '__time__') : ''));
  };
}

/** Reads the export as CSV below its header line, which is the dialect. */
function alibabaCsv(id: string, product: Product, header: string): LogFormat {
  const names = (csvFields(header, 100) ?? []).map((name) => name.trim());
  const columns = new Map(names.map((name, i) => [name, i]));
  const read = (line: string): AccessRecord | null => {
    const fields = line === header ? null : csvFields(line, 100);
    if (fields === null || fields.length !== names.length) return null;
    return alibabaRecord((name) => fields[columns.get(name) ?? -1]?.trim() ?? '');
  };
  return accessFormat(id, product, header, read, (line) => line === header);
}

/** The CSV header among lines, if there is one. */
const csvHeader = (lines: readonly string[], idKey: string): string | undefined =>
  lines.find((line) => {
    const names = line.includes(',') && line.length < 4096 ? (csvFields(line, 100) ?? []).map((name) => name.trim()) : [];
    return names.includes(idKey) && alibabaKeys.every((key) => names.includes(key));
  });

const alibabaFields = (idKey: string): LogFamily['fields'] => [
  { name: 'time, __time__', meaning: 'when the request ended' },
  { name: 'client_ip', meaning: 'client' },
  { name: 'request_method, request_uri, http_host, host', meaning: 'method, path, host' },
  { name: 'status', meaning: 'status' },
  { name: 'request_time', meaning: 'duration, in seconds' },
  { name: 'upstream_addr', meaning: 'backend' },
  { name: 'upstream_status', meaning: 'status of the try; - where the backend did not answer' },
  { name: 'upstream_response_time', meaning: 'seconds from connect to the end of the response' },
  { name: 'request_id, traceid', meaning: 'request id, where there is one' },
  { name: idKey, meaning: 'tells this log from others' },
];

const ready = new Map<string, LogFormat>();

function alibaba(id: string, title: string, product: Product, idKey: string, samples: readonly string[]): LogFamily {
  const json = accessFormat(id, product, null, alibabaJson(idKey));
  return {
    id,
    title,
    product,
    kind: 'access',
    fields: alibabaFields(idKey),
    samples,
    detect(lines) {
      const header = csvHeader(lines, idKey);
      return bestOf(header === undefined ? [json] : [json, alibabaFormat(id, header)], lines);
    },
  };
}

/** The CSV dialect of Alibaba's logs for a header line. */
export function alibabaFormat(id: string, header: string): LogFormat {
  const key = `${id} ${header}`;
  const known = ready.get(key);
  if (known !== undefined) return known;
  const format = alibabaCsv(id, id === 'alibaba-alb' ? 'alibaba-alb' : 'alibaba-slb', header);
  if (ready.size < 100) ready.set(key, format);
  return format;
}

/** Alibaba Cloud Classic Load Balancer. Samples after the field list in Simple Log Service's documentation. */
export const alibabaSlbLog: LogFamily = alibaba('alibaba-slb', 'Alibaba Cloud SLB/CLB layer 7 (SLS)', 'alibaba-slb', 'slbid', [
  '{"__topic__":"slb_layer7_access_log","__time__":"1795411314","body_bytes_sent":"157","client_ip":"203.0.113.7","host":"shop.example","http_host":"shop.example","http_referer":"-","http_user_agent":"curl/7.88.1","http_x_forwarded_for":"-","http_x_real_ip":"-","read_request_time":"0","request_length":"120","request_method":"GET","request_time":"5.001","request_uri":"/orders?id=1","scheme":"http","server_protocol":"HTTP/1.1","slb_vport":"80","slbid":"lb-2ze1a2b3c4d5e6f7","ssl_cipher":"-","ssl_protocol":"-","status":"502","tcpinfo_rtt":"41000","time":"2026-11-23T07:21:54+08:00","upstream_addr":"10.0.0.1:80","upstream_response_time":"5.001","upstream_status":"-","vip_addr":"198.51.100.1","write_response_time":"0"}',
  'body_bytes_sent,client_ip,http_host,request_method,request_time,request_uri,slbid,status,time,upstream_addr,upstream_response_time,upstream_status\n3,203.0.113.7,shop.example,GET,0.012,"/orders?ids=1,2",lb-2ze1a2b3c4d5e6f7,500,2026-11-23T07:21:54+08:00,10.0.0.1:80,0.011,500',
]);

/** Alibaba Cloud Application Load Balancer. */
export const alibabaAlbLog: LogFamily = alibaba('alibaba-alb', 'Alibaba Cloud ALB (SLS)', 'alibaba-alb', 'app_lb_id', [
  '{"__topic__":"alb_layer7_access_log","app_lb_id":"alb-n5qw04uq8s","body_bytes_sent":"564","client_ip":"203.0.113.7","host":"shop.example","http_host":"shop.example","http_user_agent":"curl/7.88.1","read_request_time":"0","request_length":"120","request_method":"GET","request_time":"60.001","request_uri":"/report","scheme":"https","server_protocol":"HTTP/2.0","slb_vport":"443","ssl_cipher":"ECDHE-RSA-AES128-GCM-SHA256","ssl_protocol":"TLSv1.2","status":"504","tcpinfo_rtt":"41000","time":"2026-11-23T07:21:54+08:00","upstream_addr":"10.0.0.2:8080","upstream_response_time":"60.001","upstream_status":"504","vip_addr":"198.51.100.1","write_response_time":"0"}',
]);
