// What evidence and judges may know of a site: everything but secrets.
import type { SiteFacts } from '../model/evidence.ts';
import { redactUrl, redactWords } from '../model/redact.ts';
import type { Exec, Site } from '../model/site.ts';

/** The site without header values and key material; URLs without userinfo and secret query values, command prefixes without passwords. */
export function factsOf(site: Site): SiteFacts {
  const { requests, ca: _, ...rest } = site;
  return {
    ...rest,
    url: redactUrl(site.url),
    ...(site.static === undefined ? {} : { static: redactUrl(site.static) }),
    clients: site.clients.map(withoutSecrets),
    edge: site.edge.map(withoutSecrets),
    ...(site.balancer === undefined ? {} : { balancer: withoutSecrets(site.balancer) }),
    backends: site.backends.map(withoutSecrets),
    requests: requests.map(({ url, method, headers, body, from }) => ({
      url: redactUrl(url),
      method,
      headerNames: Object.keys(headers),
      bodyBytes: body?.bytes ?? 0,
      from: from ?? null,
    })),
  };
}

function withoutSecrets<Host extends { readonly exec?: Exec | undefined }>(host: Host): Host {
  return Array.isArray(host.exec) ? { ...host, exec: redactWords(host.exec) } : host;
}
