// Short ways to write rules: witnesses, conditions, and the lines of several programs that say the same.
import type { Layer } from '../../../model/finding.ts';
import { say, type Localised } from '../../../model/text.ts';
import type { EventGroup, FailureGroup } from '../../records.ts';
import type { JointWitness, LineWitness, LogRule, RequestWitness, Weight, Witness } from '../rule.ts';

type Pair = readonly [en: string, zh: string];
const both = ([en, zh]: Pair): Localised => say(en, zh);

interface RuleText {
  readonly summary: Pair;
  readonly fix: Pair;
  readonly steps: readonly [Pair, ...Pair[]];
  readonly verify: Pair;
  readonly tell: Pair;
  readonly consequenceOf?: readonly string[];
}

/** A rule from pairs of English and Chinese. */
export function ruleOf(cause: string, layer: Layer, title: Pair, witnesses: readonly Witness[], text: RuleText): LogRule {
  return {
    cause,
    title: both(title),
    layer,
    witnesses,
    consequenceOf: text.consequenceOf ?? [],
    summary: both(text.summary),
    fix: { summary: both(text.fix), steps: text.steps.map((step) => both(step)), verify: both(text.verify) },
    wouldTell: both(text.tell),
  };
}

type EventTest = (event: EventGroup, all?: readonly EventGroup[]) => boolean;
type FailureTest = (failure: FailureGroup) => boolean;

/** A line about one failing request. */
export const about = (signatures: readonly string[], weight: Weight, host: LineWitness['host'], where?: EventTest): LineWitness => ({
  kind: 'line',
  signatures,
  weight,
  host,
  perRequest: true,
  ...(where ? { where } : {}),
});

/** A line about the machine or a process, which explains requests only when it is near them in time. */
export const near = (signatures: readonly string[], weight: Weight, host: LineWitness['host'], where?: EventTest): LineWitness => ({
  ...about(signatures, weight, host, where),
  perRequest: false,
});

/** A failing request that speaks for itself. */
export const failing = (where: FailureTest, weight: Weight, host: RequestWitness['host'] = 'backend'): RequestWitness => ({
  kind: 'request',
  where,
  weight,
  host,
});

/** The same, of a backend that answered other requests of the same log. */
export const served = <W extends LineWitness | RequestWitness>(witness: W): W => ({ ...witness, served: true });

/** A line whose time does not matter among others, because what it says lasts. */
export const lasting = (witness: LineWitness): LineWitness => ({ ...witness, lasting: true });

/** Several things within `withinSeconds`. */
export const together = (
  all: JointWitness['all'],
  weight: Weight,
  host: JointWitness['host'],
  withinSeconds = 60,
  where?: JointWitness['where'],
): JointWitness => ({ kind: 'together', all, weight, host, withinSeconds, ...(where ? { where } : {}) });

/** All of these have to hold. */
export const every =
  (...tests: readonly FailureTest[]): FailureTest =>
  (failure) =>
    tests.every((test) => test(failure));

const word = (text: string, token: string): boolean => new RegExp(`(?:^|[^A-Za-z0-9_])${token}(?:$|[^A-Za-z0-9_])`).test(text);

export const status =
  (...codes: readonly number[]): FailureTest =>
  ({ status: is }) =>
    is !== null && codes.includes(is);
export const of =
  (...products: readonly FailureGroup['product'][]): FailureTest =>
  ({ product }) =>
    products.includes(product);
/** Answered by the writer of the log itself, as far as its format says. */
export const own: FailureTest = ({ answeredBy }) => answeredBy === 'self';
export const timing =
  (...classes: readonly FailureGroup['timing'][]): FailureTest =>
  ({ timing: is }) =>
    classes.includes(is);
/** Half of the requests took at least (and, where given, at most) so long. */
export const lasted =
  (leastMs: number, mostMs = Infinity): FailureTest =>
  ({ durationMs }) =>
    durationMs !== null && durationMs.median >= leastMs && durationMs.median <= mostMs;
/** The longest attempt to connect took at least and at most so long. Where it failed, nginx gives its time as that of the response. */
export const attempted =
  (leastMs: number, mostMs = Infinity): FailureTest =>
  ({ connectMs, headerMs, durationMs }) => {
    const longest = (connectMs ?? headerMs ?? durationMs)?.max;
    return longest !== undefined && longest >= leastMs && longest <= mostMs;
  };
/** HAProxy's termination state begins with these two letters. */
export const haproxy =
  (...states: readonly string[]): FailureTest =>
  ({ product, reason }) =>
    product === 'haproxy' && reason !== null && states.includes(reason.slice(0, 2));
/** HAProxy gave the request to no server. */
export const noServer: FailureTest = ({ product, backend, tries }) =>
  product === 'haproxy' && tries === '' && (backend === null || !backend.includes('/') || backend.includes('<NOSRV>'));
/** Envoy's flags have one of these. */
export const envoy =
  (...flags: readonly string[]): FailureTest =>
  ({ product, reason }) =>
    product === 'envoy' && reason !== null && flags.some((flag) => word(reason, flag));
/** The writer's reason has one of these words: Google's statusDetails, an IIS sub-status, Envoy's details. */
export const reasoned =
  (...words: readonly string[]): FailureTest =>
  ({ reason }) =>
    reason !== null && words.some((each) => word(reason, each.replaceAll('.', String.raw`\.`)));
export const reasonLike =
  (pattern: RegExp): FailureTest =>
  ({ reason }) =>
    reason !== null && pattern.test(reason);

/** Where the line points: its upstream, or the address in its text. */
export const target = (event: EventGroup): string => event.upstream ?? event.fields['target'] ?? '';
/** The line of a group as it was written, where a sample of it is kept. */
const written = (event: EventGroup): string => event.samples[0]?.text ?? '';
/** The port at the end of an address, or of a URL's host. */
export const portOf = (text: string): string | null => /:(\d{2,5})(?:\/|$|\D)/.exec(text.replace(/^\w+:\/\//, ''))?.[1] ?? null;
export const isUnix: EventTest = (event) =>
  /unix:|^\/|domain socket/.test(target(event)) || /unix:|Unix domain socket/.test(event.template);
export const isFastcgi: EventTest = (event) =>
  /php|fpm|:9000$/.test(target(event)) || /upstream: "fastcgi:/.test(written(event)) || /^(?:FCGI|fcgi)/.test(event.fields['scheme'] ?? '');
export const isLoopback: EventTest = (event) => /(?:^|\/|@)(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::|\/|$)/.test(target(event));
export const isIpv6: EventTest = (event) => /\[[\da-f:.]+\]/i.test(target(event));
/** `[::1]`: mostly a `localhost` that was looked up, and many services listen on 127.0.0.1 alone. */
export const isLoopback6: EventTest = (event) => isIpv6(event) && isLoopback(event);
export const not =
  (test: EventTest): EventTest =>
  (event) =>
    !test(event);
export const errnoIn =
  (...numbers: readonly string[]): EventTest =>
  ({ fields }) =>
    numbers.includes(fields['errno'] ?? '');
const signalNumbers: Readonly<Record<string, string>> = { ILL: '4', ABRT: '6', BUS: '7', FPE: '8', KILL: '9', SEGV: '11', TERM: '15' };
/** A process ended by one of these signals (numbers of Linux), whether the line gives name or number. */
export const signalIn =
  (...numbers: readonly string[]): EventTest =>
  ({ fields }) => {
    const written = (fields['signal'] ?? fields['number'] ?? (fields['code'] === 'killed' ? fields['status'] : undefined) ?? '').replace(
      /^SIG/,
      '',
    );
    return numbers.includes(signalNumbers[written] ?? written);
  };
/** A service of systemd that is a proxy; what ends it is no fault of an application. */
export const isProxyUnit: EventTest = (event) =>
  /^(?:nginx|openresty|apache2?|httpd|haproxy|caddy|traefik|envoy|varnish)\b/.test(unitOf(event));
export const isPhpUnit: EventTest = (event) => /^php[\w.-]*fpm/.test(unitOf(event));
const unitOf = ({ fields }: EventGroup): string => fields['unit'] ?? '';
/** The text of a line as far as the group keeps it. */
export const says =
  (pattern: RegExp): EventTest =>
  (event) =>
    pattern.test(event.template) ||
    event.samples.some(({ text }) => pattern.test(text)) ||
    Object.values(event.fields).some((value) => pattern.test(value));

/** Go's words alone: a proxy speaks so of its backend, and an application of its database, which the port may tell. */
export const isBareDial: EventTest = (event) =>
  says(/dial (?:tcp|unix)\d? \S{1,200}: (?:connect|i\/o)/)(event) &&
  !says(
    /:(?:1433|1521|3306|5432|5672|6379|9042|9092|9200|11211|27017): |[Dd]atabase|[Rr]edis|[Mm]ysql|MySQL|[Pp]ostgres|[Mm]ongo|pgx|gorm|sql/,
  )(event);

/** Ids of lines that say the same in the words of several programs. */
export const lines = {
  refused: ['connect-refused', 'apache-connect-refused', 'go-connect-refused', 'jk-connect-failed'],
  connectTimeout: ['connect-timeout', 'connect-timeout-kernel', 'apache-connect-timeout', 'go-connect-timeout', 'envoy-connect-timeout'],
  noRoute: ['connect-no-route', 'apache-connect-no-route', 'go-connect-no-route'],
  networkUnreachable: ['connect-network-unreachable', 'apache-connect-network-unreachable', 'go-connect-network-unreachable'],
  permission: ['connect-permission', 'apache-connect-permission', 'go-connect-permission'],
  noSuchFile: ['connect-no-such-file', 'apache-connect-no-such-file', 'go-connect-no-such-file'],
  backlogFull: ['connect-backlog-full', 'apache-connect-backlog-full'],
  noLocalAddress: ['connect-no-local-address', 'apache-connect-no-local-address', 'go-connect-no-local-address'],
  readTimeout: ['read-timeout', 'apache-fcgi-dispatch-timeout', 'go-header-timeout', 'envoy-timeout', 'varnish-timeout'],
  closed: [
    'reset-reading-header',
    'premature-close',
    'apache-fcgi-dispatch',
    'go-closed',
    'envoy-connection-termination',
    'envoy-remote-reset',
  ],
  oom: ['kernel-oom', 'kernel-oom-cgroup', 'kernel-oom-victim', 'systemd-oom', 'k8s-oom-killed'],
} as const;

/** What HAProxy says of its health checks. */
export const checks = ['haproxy-server-down', 'haproxy-check-failed', 'haproxy-check-reason'] as const;

/** Apache's line for a backend that took the request and gave no answer; the errno in front tells a timeout from a close. */
export const apacheReadTimeout: EventTest = (event) => errnoIn('110', '70007')(event) || says(/timeout specified has expired/)(event);

/** What a proxy writes when its backend's answer did not come in time. */
export const slowAnswers = (weight: Weight): readonly LineWitness[] => [
  about(lines.readTimeout, weight, 'upstream'),
  about(['apache-read-status', 'apache-timeout'], weight, 'upstream', apacheReadTimeout),
];

/** nginx and others speak the uwsgi protocol only to uWSGI. */
export const isUwsgi: EventTest = (event) => /upstream: "s?uwsgi:/.test(written(event));
/** A request without a body, in every line that is kept of the group. */
export const isBodyless: EventTest = ({ samples }) =>
  samples.length > 0 && samples.every(({ text }) => /request: "(?:GET|HEAD) /.test(text));

/** What a proxy writes when its backend closed without an answer. */
export const closedAnswers = (weight: Weight): readonly LineWitness[] => [
  about(lines.closed, weight, 'upstream'),
  about(['apache-read-status', 'apache-timeout'], weight, 'upstream', not(apacheReadTimeout)),
];
/**
 * Whoever ends or restarts a backend closes its connections: one of the equal explanations of each close without an answer. What only one
 * runtime does is not said of another one.
 */
export const closedBy = (where?: EventTest): readonly (LineWitness | RequestWitness)[] => [
  about([...lines.closed, 'reset-sending-request'], 'fits', 'upstream', where),
  about(['apache-read-status', 'apache-timeout'], 'fits', 'upstream', (event) => !apacheReadTimeout(event) && where?.(event) !== false),
  ...(where === undefined ? closedRequests : []),
];
/** The same as access logs show it. */
export const closedRequests = [
  failing(haproxy('SH'), 'fits'),
  failing(envoy('UC'), 'fits'),
  failing(every(of('aws-alb'), status(502), own, timing('instant')), 'fits'),
  failing(every(of('nginx'), status(502), own, timing('waited')), 'fits'),
  failing(every(of('iis'), reasonLike(/win32:12030/)), 'fits'),
] as const;
/** The same as one member of several that have to come together. */
export const closedAnswer = about(
  [...lines.closed, 'apache-read-status', 'reset-sending-request', 'passenger-incomplete', 'wsgi-truncated'],
  'suggests',
  'upstream',
);
export const slowAnswer = about([...lines.readTimeout, 'apache-read-status'], 'suggests', 'upstream');
/** A gateway's own error in an access log, whoever keeps it: no backend answered. */
export const gatewayError = failing(
  (failure) => failure.status !== null && [502, 503, 504].includes(failure.status) && failure.answeredBy !== 'upstream',
  'fits',
);

/** Nothing but a worker of gunicorn that begins, in the middle of its life: the one before it ended, and nobody says how. */
export const workerAgain = near(
  ['gunicorn-started'],
  'fits',
  'writer',
  ({ template }, all = []) =>
    template.startsWith('Booting worker') && all.every(({ signature }) => signature === null || signature === 'gunicorn-started'),
);
