// Fingerprints of load balancers and gateways, in the cloud and self-run.
import { say } from '../../model/text.ts';
import { body, cookie, header, status, type Fingerprint } from './fingerprint.ts';

/** An nginx-style page without a footer that names its maker. */
const pageWithoutFooter =
  /^<html>\s*<head><title>(\d{3}) [^<]*<\/title><\/head>\s*<body[^>]*>\s*<center><h1>\1 [^<]*<\/h1><\/center>\s*<\/body>\s*<\/html>\s*(?:<!--[^>]*-->\s*)*$/i;

/** HAProxy's built-in pages, src/http.c of its source: the sentences are its own. */
const haproxySentences =
  /^<html><body><h1>\d{3} [^<]*<\/h1>\s*(?:No server is available to handle this request\.|The server returned an invalid or incomplete response\.|The server didn't respond in time\.|An internal server error occurred\.|Your browser sent an invalid request\.|Your browser didn't send a complete request in time\.|Request forbidden by administrative rules\.|You need a valid user and password to access this content\.|You have sent too many requests in a given amount of time\.|The resource could not be found\.|This method is not allowed\.|The requested resource is no longer available[^<]*|The server does not support the functionality[^<]*|The entity sent cannot be processed[^<]*|A request of this type is not allowed[^<]*)\s*<\/body><\/html>\s*$/i;

export const balancers: readonly Fingerprint[] = [
  {
    id: 'haproxy',
    product: 'HAProxy',
    role: 'balancer',
    kind: 'own-error',
    by: 'body',
    all: [body(haproxySentences)],
    confidence: 'high',
    verified: true,
    note: say(
      '503: no server was up or could be connected to; 502: a server closed or answered nonsense; 504: none answered in time; 500: a rule of the configuration.',
      '503：没有可用或可连接的后端；502：后端断开或回应无法解析；504：后端没有按时响应；500：配置中的规则。',
    ),
  },
  {
    id: 'envoy',
    product: 'Envoy (also in Istio)',
    role: 'balancer',
    kind: 'own-error',
    by: 'body',
    all: [body(/^(?:upstream connect error or disconnect\/reset before headers\b|no healthy upstream\s*$|upstream request timeout\s*$)/)],
    confidence: 'high',
    verified: true,
    note: say('The text after `reset reason:` names how the upstream failed.', '`reset reason:` 后面的文字说明上游是怎样失败的。'),
  },
  {
    id: 'envoy-relay',
    product: 'Envoy (also in Istio)',
    role: 'balancer',
    kind: 'relayed',
    by: 'header',
    all: [header('x-envoy-upstream-service-time', /^\d+/)],
    confidence: 'high',
    verified: true,
    note: say('Envoy adds this header to answers that an upstream really gave.', 'Envoy 只对上游真正给出的响应加这个头。'),
  },
  {
    id: 'aws-alb',
    product: 'AWS Application Load Balancer',
    role: 'balancer',
    kind: 'own-error',
    by: 'body',
    all: [header('server', /^awselb\//i), body(pageWithoutFooter)],
    confidence: 'high',
    verified: true,
    note: say(
      'In its access log, `target_status_code` is `-` for such an answer.',
      '在访问日志里，这种响应的 `target_status_code` 是 `-`。',
    ),
  },
  {
    id: 'aws-alb-relay',
    product: 'AWS Application Load Balancer',
    role: 'balancer',
    kind: 'relayed',
    by: 'header',
    all: [cookie(/^(AWSALB|AWSALBCORS|AWSALBTG|AWSELB)$/)],
    confidence: 'medium',
    verified: true,
  },
  {
    id: 'gcp-lb',
    product: 'Google Cloud load balancer',
    role: 'balancer',
    kind: 'own-error',
    by: 'body',
    all: [
      body(/<h1>Error: Server Error<\/h1>/i),
      body(/The server encountered an? (?:temporary )?error and could not complete your request/i),
    ],
    confidence: 'high',
    verified: true,
    note: say(
      '`statusDetails` in its log names the reason, such as failed_to_connect_to_backend.',
      '日志中的 `statusDetails` 给出原因，例如 failed_to_connect_to_backend。',
    ),
  },
  {
    id: 'gcp-lb-relay',
    product: 'Google Cloud load balancer',
    role: 'balancer',
    kind: 'relayed',
    by: 'header',
    all: [header('via', /(?:^|,\s*)1\.1 google\b/)],
    confidence: 'medium',
    verified: true,
  },
  {
    id: 'azure-application-gateway',
    product: 'Azure Application Gateway',
    role: 'balancer',
    kind: 'own-error',
    by: 'body',
    all: [body(/<hr>\s*<center>Microsoft-Azure-Application-Gateway\/v\d<\/center>/i)],
    confidence: 'high',
    verified: true,
  },
  {
    id: 'huawei-elb',
    product: 'Huawei Cloud ELB',
    role: 'balancer',
    kind: 'own-error',
    by: 'body',
    all: [header('x-router-code', /^[45]000[01]$/)],
    confidence: 'high',
    verified: true,
  },
  {
    id: 'tencent-clb',
    product: 'Tencent Cloud CLB (stgw)',
    role: 'balancer',
    kind: 'own-error',
    by: 'body',
    all: [body(/<hr><center>stgw(?:\/[\w.]+)?<\/center>/i)],
    confidence: 'high',
    verified: true,
  },
  {
    id: 'tencent-clb-relay',
    product: 'Tencent Cloud CLB (stgw)',
    role: 'balancer',
    kind: 'relayed',
    by: 'header',
    all: [header('server', /^stgw\b/i)],
    confidence: 'medium',
    verified: true,
  },
  {
    id: 'traefik',
    product: 'Traefik',
    role: 'balancer',
    kind: 'own-error',
    by: 'body',
    all: [status(502, 503, 504), body(/^(?:Bad Gateway|Gateway Timeout|Service Unavailable|no available server)\n?$/)],
    none: [header('server', /./)],
    confidence: 'medium',
    verified: true,
    note: say('Other gateways written in Go answer with the same bare words.', '其他用 Go 写的网关也可能返回同样的几个单词。'),
  },
];
