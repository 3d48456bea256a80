// Java: Tomcat's catalina log and the console lines of Spring Boot, with the stack traces below them.
import type { ErrorRecord, LogFamily } from '../records.ts';
import { dashMoment, isoMoment } from './dates.ts';
import { errorFormat, linesRead, message } from './detect.ts';

const longest = 32_768;
const levels: Readonly<Record<string, string>> = {
  SEVERE: 'error',
  WARNING: 'warn',
  INFO: 'info',
  CONFIG: 'info',
  FINE: 'debug',
  FINER: 'debug',
  FINEST: 'debug',
  ERROR: 'error',
  WARN: 'warn',
  DEBUG: 'debug',
  TRACE: 'debug',
  FATAL: 'emerg',
};
const catalina = /^ (SEVERE|WARNING|INFO|CONFIG|FINE|FINER|FINEST) \[([^\]\n]{1,200})\] ([\w.$<>]{1,300}) /;
const spring = /^\s{1,4}(ERROR|WARN|INFO|DEBUG|TRACE|FATAL)\s{1,4}(\d{1,10}) --- (?:\[[^\]\n]{0,200}\] ){0,3}([\w.$[\]/]{1,300})\s{0,60}: /;

function read(record: string): ErrorRecord | null {
  const date = dashMoment(record, 0);
  if (date !== null) {
    const head = catalina.exec(record.slice(date.end, date.end + 600));
    if (head === null) return null;
    return message('tomcat', record.slice(date.end + head[0].length, date.end + longest), date, { level: levels[head[1] ?? ''] ?? null });
  }
  const iso = isoMoment(record, 0);
  const head = iso === null ? null : spring.exec(record.slice(iso.end, iso.end + 1000));
  if (iso === null || head === null) return null;
  return message('tomcat', record.slice(iso.end + head[0].length, iso.end + longest), iso, {
    level: levels[head[1] ?? ''] ?? null,
    pid: Number(head[2]),
  });
}

const format = errorFormat('tomcat', 'tomcat', read, (line) => dashMoment(line, 0) !== null || isoMoment(line, 0) !== null);

/** Tomcat and Spring Boot. */
export const tomcatLog: LogFamily = {
  id: 'tomcat',
  title: 'Tomcat catalina log and Spring Boot console',
  product: 'tomcat',
  kind: 'error',
  fields: [
    { name: 'date', meaning: 'local time; Spring Boot 3 writes the zone' },
    { name: 'level', meaning: 'SEVERE WARNING INFO …, ERROR WARN …' },
    { name: 'number behind the level', meaning: 'process (Spring Boot)' },
    { name: '[thread], class', meaning: 'skipped' },
    { name: 'message and stack trace', meaning: 'the message' },
    { name: 'access log', meaning: "Tomcat's default is Apache's common, and read as that" },
  ],
  // After the documentation of Tomcat's OneLineFormatter and of Spring Boot's logging.
  samples: [
    '23-Nov-2026 07:18:28.123 SEVERE [http-nio-8080-exec-1] org.apache.catalina.core.StandardWrapperValve.invoke Servlet.service() for servlet [dispatcher] in context with path [] threw exception\njava.lang.NullPointerException\n\tat com.example.Shop.order(Shop.java:12)',
    '2026-11-23T07:18:28.123+08:00 ERROR 4711 --- [nio-8080-exec-1] o.a.c.c.C.[.[.[/].[dispatcherServlet]    : Servlet.service() for servlet [dispatcherServlet] in context with path [] threw exception',
  ],
  detect: (lines) => (linesRead(format, lines) > 0 ? format : null),
};

const thrown =
  /^(?:Exception in thread "[^"\n]{1,200}" |SEVERE: |\[ERROR\] )?(?:(?:java|javax|jakarta|org|com|io|net|sun)\.)(?:[a-z][\w]{0,60}\.){0,12}[A-Z]\w{0,100}(?:Error|Exception|Timeout)(?::|$)/;
const cut = errorFormat(
  'java-undated',
  'tomcat',
  (record) =>
    thrown.test(record.slice(0, 1500).split('\n', 1)[0] ?? '')
      ? message('tomcat', record.slice(0, longest).replace(/^(?:SEVERE: |\[ERROR\] )/, ''), null, { level: 'error' })
      : null,
  (line) => thrown.test(line.slice(0, 1500)),
);

/** Exceptions of Java without anything in front. */
export const javaUndated: LogFamily = {
  id: 'java-undated',
  title: 'Java exceptions without a date',
  product: 'tomcat',
  kind: 'error',
  fields: [
    { name: 'date', meaning: 'missing: such lines have no time' },
    { name: 'class: message and stack trace', meaning: 'the message; its level is always error' },
  ],
  samples: [
    'java.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)',
    'Exception in thread "http-nio-8080-exec-1" java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource limits reached',
    'org.apache.catalina.connector.ClientAbortException: java.io.IOException: Broken pipe',
  ],
  detect: (lines) => (linesRead(cut, lines) > 0 ? cut : null),
};
