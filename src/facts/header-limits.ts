// How large a header may be at a hop, as its configuration says it: for requests and for the answers of whoever stands behind it.
import type { Scene } from '../model/cause.ts';
import { cite } from '../model/cause.ts';
import type { Measured } from '../model/evidence.ts';
import type { Citation } from '../model/finding.ts';
import type { NginxConfig } from '../model/observations.ts';
import { splitAddress } from '../model/site.ts';
import type { Symptom } from '../model/symptom.ts';
import { say } from '../model/text.ts';
import { pointerOf } from './fastcgi.ts';
import { haproxySetting } from './haproxy-config.ts';
import { effective, routeOf, settingBytes } from './nginx-config.ts';
import type { NginxRoute, NginxSetting } from './nginx-config.ts';
import { parseSize } from '../model/units.ts';

type Looks = Scene<'nginx-config' | 'haproxy-config'>;

export interface HeaderLimit {
  readonly product: 'nginx' | 'haproxy';
  /** The directive, as an operator looks for it. */
  readonly setting: string;
  readonly bytes: number;
  /** `line`: each line for itself and the request line too; `all`: everything together. */
  readonly of: 'line' | 'all';
  /** `file:line`, or `default`. */
  readonly at: string;
  readonly file: string;
  readonly citation: Citation;
}

/** The way of a failing request through the nginx of a hop; null where it cannot be followed. */
export function routeAt(
  scene: Scene<never>,
  host: string,
  config: NginxConfig,
  symptom: Pick<Symptom, 'url' | 'listenerPort'>,
): NginxRoute | null {
  const url = new URL(symptom.url);
  const backend = scene.site.backends.find((each) => each.name === host);
  const own = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const port = backend === undefined ? (symptom.listenerPort ?? own) : (splitAddress(backend.address).port ?? 80);
  return routeOf(config, { port, host: url.hostname, uri: `${url.pathname}${url.search}` });
}

function citeSetting(config: Measured<'nginx-config'>, host: string, name: string, setting: NginxSetting): Citation {
  const path = (setting.directive === null ? null : pointerOf(config.data, setting.directive)) ?? '/configFile';
  const text = `${name} ${setting.args.join(' ')}`;
  return cite(
    config,
    path,
    say(`nginx on ${host}: ${text} (${setting.at})`, `${host} 的 nginx：${text}（${setting.at === 'default' ? '默认值' : setting.at}）`),
  );
}

function nginxLimit(
  config: Measured<'nginx-config'>,
  host: string,
  name: string,
  setting: NginxSetting | null,
  index: number,
  of: HeaderLimit['of'],
): HeaderLimit | null {
  const bytes = settingBytes(setting, index);
  if (setting === null || bytes === null) return null;
  return {
    product: 'nginx',
    setting: name,
    bytes,
    of,
    at: setting.at,
    file: setting.directive?.file ?? config.data.configFile ?? 'nginx.conf',
    citation: citeSetting(config, host, name, setting),
  };
}

/** HAProxy keeps a whole header in one buffer, and some of it free for rewriting. Its own values where nobody set others: 16384 and 1024. */
function haproxyLimit(scene: Looks, host: string): HeaderLimit | null {
  const config = scene.one('haproxy-config', host);
  const global = config?.data.sections.findIndex((each) => each.kind === 'global') ?? -1;
  const section = config?.data.sections[global];
  if (config === undefined || section === undefined || !config.data.running) return null;
  const size = haproxySetting(config.data, section, 'tune.bufsize');
  const kept = haproxySetting(config.data, section, 'tune.maxrewrite');
  const bufsize = parseSize(size?.words[1] ?? '') ?? 16_384;
  const bytes = bufsize - (parseSize(kept?.words[1] ?? '') ?? Math.min(1024, bufsize / 2));
  const line = size === null ? null : section.lines.findIndex((each) => each.line === size.line);
  const at = size === null ? 'default' : `${config.data.configFile ?? 'haproxy.cfg'}:${size.line}`;
  const says = say(
    `HAProxy on ${host} takes ${bytes} bytes of headers: tune.bufsize ${bufsize} (${at}) less tune.maxrewrite`,
    `${host} 的 HAProxy 最多接受 ${bytes} 字节的头部：tune.bufsize ${bufsize}（${size === null ? '默认值' : at}）减去 tune.maxrewrite`,
  );
  const path = line === null ? `/sections/${global}` : `/sections/${global}/lines/${line}`;
  return {
    product: 'haproxy',
    setting: 'tune.bufsize',
    bytes,
    of: 'all',
    at,
    file: config.data.configFile ?? 'haproxy.cfg',
    citation: cite(config, path, says),
  };
}

/** What a hop takes of a request's header; null where its configuration could not be read. */
export function requestLimit(scene: Looks, host: string, symptom: Pick<Symptom, 'url' | 'listenerPort'>): HeaderLimit | null {
  const config = scene.one('nginx-config', host);
  if (config !== undefined && config.data.running) {
    const route = routeAt(scene, host, config.data, symptom);
    return nginxLimit(
      config,
      host,
      'large_client_header_buffers',
      effective(config.data, { server: route?.server ?? null }, 'large_client_header_buffers'),
      1,
      'line',
    );
  }
  return haproxyLimit(scene, host);
}

/** What a hop takes of the header of an answer to this request; null where its configuration could not be read. */
export function responseLimit(scene: Looks, host: string, symptom: Pick<Symptom, 'url' | 'listenerPort'>): HeaderLimit | null {
  const config = scene.one('nginx-config', host);
  if (config !== undefined && config.data.running) {
    const route = routeAt(scene, host, config.data, symptom);
    if (route?.pass == null) return null;
    const name = `${route.pass.kind}_buffer_size`;
    return nginxLimit(config, host, name, effective(config.data, route, name), 0, 'all');
  }
  return haproxyLimit(scene, host);
}
