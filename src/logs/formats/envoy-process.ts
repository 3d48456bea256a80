// What Envoy says of itself: its own log, and the same as Istio's proxy prints it.
import type { ErrorRecord, LogFamily } from '../records.ts';
import { isoMoment } from './dates.ts';
import { errorFormat, linesRead, message } from './detect.ts';

const longest = 32_768;
const levels: Readonly<Record<string, string>> = { trace: 'debug', warning: 'warn', critical: 'crit', fatal: 'emerg' };
const tail = /^\]\[(\d{1,10})\]\[(trace|debug|info|warning|error|critical)\]\[([\w -]{1,64})\] (?:\[[^\]\s]{1,300}:\d{1,7}\] )?/;
const istio = /^\t(trace|debug|info|warn|warning|error|critical|fatal)\t(?:envoy ([\w -]{1,64}?)(?: [^\t ]{1,300}:\d{1,7})?\t)/;

function read(line: string): ErrorRecord | null {
  const bracket = line[0] === '[' ? 1 : 0;
  const moment = isoMoment(line, bracket);
  if (moment === null) return null;
  const head = (bracket === 1 ? tail : istio).exec(line.slice(moment.end, moment.end + 480));
  if (head === null) return null;
  const level = head[bracket === 1 ? 2 : 1] ?? '';
  const said = line.slice(moment.end + head[0].length, moment.end + longest);
  return message('envoy', bracket === 1 ? said : said.replace(/\tthread=\d{1,10}\s*$/, ''), moment, { level: levels[level] ?? level });
}

const format = errorFormat('envoy-process', 'envoy', read);

/** Envoy's own log. */
export const envoyProcess: LogFamily = {
  id: 'envoy-process',
  title: "Envoy's own log, and Istio's proxy",
  product: 'envoy',
  kind: 'error',
  fields: [
    { name: 'date', meaning: 'local time without a zone; Istio writes UTC' },
    { name: '[thread]', meaning: 'skipped' },
    { name: '[level]', meaning: 'level: trace debug info warning error critical' },
    { name: '[component], [source:line]', meaning: 'skipped' },
    { name: 'message', meaning: 'the message' },
  ],
  // After Envoy's default --log-format and Istio's logging.
  samples: [
    '[2026-11-23 07:20:00.310][12][warning][config] [source/extensions/config_subscription/grpc/grpc_stream.h:155] StreamAggregatedResources gRPC config stream to xds_cluster closed since 36s ago: 14, upstream connect error or disconnect/reset before headers. reset reason: connection failure',
    '[2026-11-23 07:20:00.310][1][critical][main] [source/server/server.cc:112] error initializing configuration: cannot bind: Address already in use',
    '2026-11-23T07:20:00.310123Z\twarning\tenvoy config external/envoy/source/extensions/config_subscription/grpc/grpc_stream.h:152\tStreamAggregatedResources gRPC config stream to xds-grpc closed: 14, connection error\tthread=19',
  ],
  detect: (lines) => (linesRead(format, lines) > 0 ? format : null),
};
