// Lines of proxies that write their errors in the words of Go's network library (Caddy, Traefik), and of Envoy and Kubernetes controllers.
import type { Product } from '../records.ts';
import { entriesOf, type Signature } from './signature.ts';

const any = String.raw`^[\s\S]{0,2000}?`;
function goProxy(source: Product, wrap: (error: string) => string): readonly Signature[] {
  const of = entriesOf(source);
  const entry = (id: string, text: string, sample: string, proves: string, doesNotProve: string, unless?: RegExp): Signature =>
    of(id, new RegExp(any + text), wrap(sample), proves, doesNotProve, unless);
  return [
    entry(
      'go-connect-refused',
      String.raw`dial (?:tcp|unix)\d? (?<target>\S{1,200}): connect: connection refused`,
      'dial tcp 10.0.0.5:8080: connect: connection refused',
      'The backend address answered with a reset or an ICMP port-unreachable, or nobody listens on the socket.',
      'That nothing listens: a firewall that rejects looks the same.',
    ),
    entry(
      'go-connect-timeout',
      String.raw`dial tcp\d? (?<target>\S{1,200}): (?:i/o timeout|connect: (?:connection|operation) timed out)`,
      'dial tcp 10.0.0.5:8080: i/o timeout',
      'No answer to the attempt to connect.',
      'Who lost it.',
    ),
    entry(
      'go-connect-no-route',
      String.raw`dial tcp\d? (?<target>\S{1,200}): connect: (?:no route to host|host is down)`,
      'dial tcp 10.0.0.5:8080: connect: no route to host',
      'The address could not be resolved to a machine (ARP), or a router or firewall answered host-unreachable.',
      'Which of the two.',
    ),
    entry(
      'go-connect-network-unreachable',
      String.raw`dial tcp\d? (?<target>\S{1,200}): connect: network is unreachable`,
      'dial tcp [2001:db8::5]:8080: connect: network is unreachable',
      'This host has no route to the backend.',
      'Anything about the backend itself.',
    ),
    entry(
      'go-connect-no-local-address',
      String.raw`dial tcp\d? (?<target>\S{1,200}): connect: (?:cannot|can't) assign requested address`,
      'dial tcp 10.0.0.5:8080: connect: cannot assign requested address',
      'No local port was available for this backend.',
      'That the backend is unwell.',
    ),
    entry(
      'go-connect-no-such-file',
      String.raw`dial unix (?<target>\S{1,200}): connect: no such file or directory`,
      'dial unix /run/php/php8.2-fpm.sock: connect: no such file or directory',
      'The socket file does not exist.',
      'That the runtime is down: it may listen on another path.',
    ),
    entry(
      'go-connect-permission',
      String.raw`dial unix (?<target>\S{1,200}): connect: permission denied`,
      'dial unix /run/php/php8.2-fpm.sock: connect: permission denied',
      'The user of the proxy may not use the socket.',
      'That the runtime behind it works.',
    ),
    entry(
      'go-name',
      String.raw`(?:lookup (?<name>[\w.-]{1,253})(?: on (?<resolver>[^\s:]{1,60}:\d+))?: (?:no such host|server misbehaving|i/o timeout|Temporary failure in name resolution|Try again)|read udp [^\n]{1,120}?->[^\n]{1,60}:53)`,
      'dial tcp: lookup app.internal on 127.0.0.11:53: no such host',
      'The name of the backend could not be looked up.',
      'That the backend is down.',
    ),
    entry(
      'go-tls-verify',
      String.raw`(?:x509: (?<reason>[^\n"]{1,200})|tls: failed to verify certificate)`,
      "tls: failed to verify certificate: x509: cannot validate certificate for 10.0.0.5 because it doesn't contain any IP SANs",
      'The certificate of the backend was not accepted.',
      'That clients see a wrong certificate.',
      /http: TLS handshake error from/,
    ),
    entry(
      'go-tls-failed',
      String.raw`(?:tls: first record does not look like a TLS handshake|http: server gave HTTP response to HTTPS client|remote error: tls: (?<alert>[\w ]{1,60})|TLS handshake timeout|tls: handshake failure)`,
      'tls: first record does not look like a TLS handshake',
      'TLS and the backend did not agree; often it speaks plain HTTP there.',
      'That its certificate is wrong.',
      /http: TLS handshake error from/,
    ),
    entry(
      'go-header-timeout',
      String.raw`(?:timeout awaiting response headers|context deadline exceeded|http2: timeout awaiting response headers)`,
      'net/http: timeout awaiting response headers',
      'The connection stood and no response came in time.',
      'Why.',
    ),
    entry(
      'go-malformed',
      String.raw`(?:malformed HTTP (?:response|status code|version)|net/http: HTTP/1\.x transport connection broken|malformed MIME header|http2: invalid|invalid header field|fcgi: invalid header version|transport connection broken: (?!http: server closed idle))`,
      'net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-OpenSSH_9.2p1"',
      'What the backend sent is not a response that the proxy understands; often another protocol speaks on that port.',
      'That the application failed.',
    ),
    entry(
      'go-closed',
      String.raw`(?:(?:^|[\s":=])(?:unexpected )?EOF(?:$|[\s",])|connection reset by peer|http: server closed idle connection|use of closed network connection|broken pipe)`,
      'read tcp 10.0.0.1:41234->10.0.0.5:8080: read: connection reset by peer',
      'The backend closed before it answered: it crashed, was stopped, or closed an idle connection that was just used again.',
      'Which of these.',
      /malformed HTTP|transport connection broken: (?!http: server closed)|context canceled|http: TLS handshake error from/,
    ),
    entry(
      'client-tls-handshake',
      String.raw`http: TLS handshake error from (?<client>\S{1,80}): (?<reason>[^\n]{1,200})`,
      'http: TLS handshake error from 10.0.0.1:5555: remote error: tls: unknown certificate',
      'Whoever asked and this server could not agree on TLS.',
      'That a backend was asked.',
    ),
    entry(
      'client-closed',
      String.raw`(?:context canceled|Client Closed Request|client disconnected|http: request canceled)`,
      'context canceled',
      'The client went away first.',
      'That the server failed: it may have been slow.',
    ),
    entry(
      'go-no-upstream',
      String.raw`(?:no upstreams available|no available server|no servers? (?:found|available))`,
      'no upstreams available',
      'The proxy had no healthy backend left, or none configured.',
      'The cause: the lines before it.',
    ),
    entry(
      'go-too-many-files',
      String.raw`(?:socket|accept\w*|open [^\n]{1,200}): too many open files`,
      'dial tcp 10.0.0.5:8080: socket: too many open files',
      'The limit of open files of the process was reached.',
      'What holds them open.',
    ),
    entry(
      'go-health-check',
      String.raw`(?:HTTP request failed|Health check failed|active health check|unexpected status code|status code out of tolerances|[Hh]ost is down|health check (?:failed|error))`,
      'Health check failed.',
      'A health check of the proxy failed.',
      'That the application fails: the check itself may be wrong.',
      /dial |lookup |x509|tls: |timeout awaiting|deadline exceeded|connection reset|TLS handshake error/,
    ),
    entry(
      'go-auth-call',
      String.raw`Error calling (?<target>\S{1,300})`,
      'Error calling http://auth.internal/verify.',
      'The forward-auth service did not answer.',
      'Anything about the backend: it was not asked.',
      /dial |lookup |x509|tls: |timeout awaiting|deadline exceeded|connection reset|TLS handshake error/,
    ),
  ];
}

const traefik = entriesOf('traefik');
const envoy = entriesOf('envoy');
const other = entriesOf('other');

export const proxySignatures: readonly Signature[] = [
  ...goProxy('caddy', (error) => error),
  ...goProxy('traefik', (error) => (error.endsWith('.') ? error : `502 Bad Gateway error="${error}"`)),
  traefik(
    'ingress-no-endpoints',
    /subset not found for (?<service>\S{1,200})|no endpoints found|endpoints? not (?:found|available)|[Cc]annot create service: (?:service|endpoints|subset) not found|service not found/,
    'subset not found for default/app',
    'The Kubernetes service does not exist or has no ready pod.',
    'Which of the two.',
  ),
  envoy(
    'envoy-connect-failure',
    /(?:upstream connect error or disconnect\/reset before headers\.|upstream_reset_before_response_started\{)[\s\S]{0,120}?(?:connection failure|connection_failure|remote connection failure)(?<detail>[\s\S]{0,200})/,
    'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure, transport failure reason: delayed connect error: 111',
    'Envoy could not connect to the backend.',
    'Why, unless the transport failure reason says so.',
  ),
  envoy(
    'envoy-connection-termination',
    /(?:upstream connect error or disconnect\/reset before headers\.|upstream_reset_before_response_started\{)[\s\S]{0,120}?connection[ _]termination/,
    'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
    'The backend closed the connection before it answered.',
    'Why: a crash, a stop, or an idle connection closed just as it was used again.',
  ),
  envoy(
    'envoy-overflow',
    /(?:upstream connect error or disconnect\/reset before headers\.|upstream_reset_before_response_started\{)[\s\S]{0,120}?overflow/,
    'upstream connect error or disconnect/reset before headers. reset reason: overflow',
    'A limit of the circuit breaker of this cluster was reached.',
    'That the backend is unwell.',
  ),
  envoy(
    'envoy-no-healthy',
    /no healthy upstream|no_healthy_upstream/,
    'no healthy upstream',
    'Envoy had no healthy member of the cluster, or none at all.',
    'Which of the two.',
  ),
  envoy(
    'envoy-protocol-error',
    /(?:upstream connect error or disconnect\/reset before headers\.|upstream_reset_before_response_started\{)[\s\S]{0,120}?protocol[ _]error|error=http\/1\.1 protocol error/,
    'upstream connect error or disconnect/reset before headers. reset reason: protocol error',
    'What the backend sent is not a valid response for Envoy.',
    'That the application failed.',
  ),
  envoy(
    'envoy-timeout',
    /upstream request timeout|upstream_response_timeout|upstream_per_try_timeout/,
    'upstream request timeout',
    'The route timeout of Envoy ended before the backend answered.',
    'Why.',
  ),
  envoy(
    'envoy-connect-timeout',
    /(?:upstream connect error or disconnect\/reset before headers\.|upstream_reset_before_response_started\{)[\s\S]{0,120}?connection[ _]timeout/,
    'upstream connect error or disconnect/reset before headers. reset reason: connection timeout',
    'No answer to the attempt to connect to the backend.',
    'Who lost it.',
  ),
  envoy(
    'envoy-remote-reset',
    /(?:upstream connect error or disconnect\/reset before headers\.|upstream_reset_before_response_started\{)[\s\S]{0,120}?(?:remote|local)[ _]reset/,
    'upstream connect error or disconnect/reset before headers. reset reason: remote reset',
    'The stream to the backend was reset before it answered.',
    'Why.',
  ),
  other(
    'ingress-no-endpoints',
    /Error obtaining Endpoints for Service "(?<of>[^"]{1,200})"|[Ss]ervice "(?<service>[^"]{1,200})" does not have any active [Ee]ndpoint|no endpoints available for service "?(?<name>[^"\s]{1,200})|failed to (?:find|get) endpoints for service/,
    'Service "default/web" does not have any active Endpoint.',
    'The Kubernetes service has no ready pod: its selector fits none, or none is ready.',
    'Which of the two.',
  ),
  other(
    'k8s-probe-failed',
    /(?<kind>Liveness|Readiness|Startup) probe (?:failed|errored)(?:: (?<what>[^\n]{0,200}))?/,
    'Readiness probe failed: HTTP probe failed with statuscode: 503',
    'A probe of Kubernetes failed; after readinessProbe fails the pod gets no requests, after livenessProbe it is restarted.',
    'That the application fails: the probe itself may be wrong.',
  ),
  other(
    'k8s-back-off',
    /Back-off restarting failed container|CrashLoopBackOff/,
    'Back-off restarting failed container web in pod web-5d4f8',
    'The container ends again and again.',
    'Why: its own log (with --previous) tells.',
  ),
  other(
    'k8s-oom-killed',
    /\bOOMKilled\b|\bcontainer oom\b/,
    'Last State: Terminated, Reason: OOMKilled, Exit Code: 137',
    'The container was killed at its memory limit.',
    'That the node is short of memory.',
  ),
];
