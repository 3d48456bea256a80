// How long each hop waits for an answer, with the place where that is set: the balancer's read timeout and that of a backend's own web server.
import type { Scene } from '../model/cause.ts';
import type { Citation } from '../model/finding.ts';
import { say } from '../model/text.ts';
import type { Symptom } from '../model/symptom.ts';
import { routeHere } from './backend-view.ts';
import { pointerOf } from './fastcgi.ts';
import { backendsOf, frontendFor, haproxyTimeout } from './haproxy-config.ts';
import { effective, routeOf, settingMs } from './nginx-config.ts';
import type { NginxScope } from './nginx-config.ts';
import type { Measured } from '../model/evidence.ts';

/** A read timeout in force. */
export interface ReadTimeout {
  readonly ms: number;
  /** Name of the setting: `proxy_read_timeout`, `timeout server`. */
  readonly name: string;
  /** `file:line`, `default`, or `site file`. */
  readonly at: string;
  /** Null where it comes from the site file or is a default, which no evidence shows. */
  readonly citation: Citation | null;
}

function nginxTimeout(
  config: Measured<'nginx-config'>,
  scope: NginxScope,
  kind: 'proxy' | 'fastcgi' | 'uwsgi' | 'scgi' | 'grpc',
): ReadTimeout | null {
  const name = `${kind}_read_timeout`;
  const setting = effective(config.data, scope, name);
  const ms = settingMs(setting);
  if (setting === null || ms === null) return null;
  const path = setting.directive === null ? null : pointerOf(config.data, setting.directive);
  const text = setting.args.join(' ');
  return {
    ms,
    name,
    at: setting.at,
    citation:
      path === null
        ? null
        : { evidence: config.id, path, says: say(`${name} is ${text} at ${setting.at}`, `${setting.at} 处的 ${name} 为 ${text}`) },
  };
}

/** What the balancer allows a backend for the requests of this symptom; null where neither its configuration nor the site file says. */
export function balancerReadTimeout(
  scene: Scene<'nginx-config' | 'haproxy-config'>,
  symptom: Pick<Symptom, 'url' | 'listenerPort'>,
): ReadTimeout | null {
  const { balancer } = scene.site;
  if (balancer === undefined) return null;
  const url = new URL(symptom.url);
  const port = symptom.listenerPort ?? 80;
  const haproxy = scene.one('haproxy-config', balancer.name);
  if (haproxy?.data.running === true) {
    const frontend = frontendFor(haproxy.data, port);
    const section = frontend === null ? null : (backendsOf(haproxy.data, frontend)[0] ?? null);
    const found = section === null ? null : haproxyTimeout(haproxy.data, section, 'server');
    const i = haproxy.data.sections.findIndex((each) => found !== null && each.lines.some((line) => line.line === found.line));
    const j = haproxy.data.sections[i]?.lines.findIndex((line) => line.line === found?.line) ?? -1;
    if (found !== null && j >= 0) {
      const place = `${haproxy.data.configFile ?? 'haproxy.cfg'}:${found.line}`;
      const text = found.words.slice(2).join(' ');
      return {
        ms: found.ms,
        name: 'timeout server',
        at: place,
        citation: {
          evidence: haproxy.id,
          path: `/sections/${i}/lines/${j}`,
          says: say(`timeout server is ${text} at ${place}`, `${place} 处的 timeout server 为 ${text}`),
        },
      };
    }
  }
  const nginx = scene.one('nginx-config', balancer.name);
  if (nginx?.data.running === true) {
    const route = routeOf(nginx.data, { port, host: url.hostname, uri: `${url.pathname}${url.search}` });
    if (route?.pass != null) return nginxTimeout(nginx, route, route.pass.kind);
  }
  const ms = balancer.listeners.find((each) => each.port === port)?.readTimeout;
  return ms === undefined ? null : { ms, name: 'readTimeout', at: 'site file', citation: null };
}

/** What a backend's own nginx allows the application behind it; null where it passes nothing on or could not be looked at. */
export function backendReadTimeout(scene: Scene<'nginx-config'>, host: string, symptom: Pick<Symptom, 'url'>): ReadTimeout | null {
  const config = scene.one('nginx-config', host);
  const route = config === undefined ? null : routeHere(scene, host, config.data, symptom);
  return config === undefined || route?.pass == null ? null : nginxTimeout(config, route, route.pass.kind);
}
