// PHP ended the script with a fatal error: an uncaught exception, an undefined function, a file that does not parse. With display_errors off it
// answers 500 with an empty body and writes one line, which php-fpm hands to the web server over FastCGI's error stream; nginx logs it together
// with the request. Limits of memory and time end a script in the same way, but are causes of their own.
import { ownErrors, ownSymptoms, servedHere } from '../../facts/backend-view.ts';
import { takenOut } from '../../facts/taken-out.ts';
import { citeError, citeRequest, freshErrors, ids, outcomeText } from '../../facts/scene.ts';
import type { Logged } from '../../facts/scene.ts';
import { defineCause } from '../../model/cause.ts';
import type { Citation, Convicted } from '../../model/finding.ts';
import type { ErrorLine } from '../../model/observations.ts';
import type { Symptom } from '../../model/symptom.ts';
import { say } from '../../model/text.ts';
import { fixPhpFatalError } from './fix.ts';

/** Fatal errors by another name: the script did not fail, it ran into a limit. */
const limits = ['php-memory-limit', 'php-max-execution-time'];

export const phpFatalError = defineCause({
  id: 'php-fatal-error',
  title: say('PHP ends the request with a fatal error', 'PHP 致命错误导致请求中断'),
  layer: 'application',
  seed: 'step 8',
  perHost: ['backend'],
  needs: ['logs'],
  wants: ['requests', 'backend-requests', 'haproxy-config', 'haproxy-stat', 'nginx-config', 'firewall', 'routes'],
  // A disk without room makes scripts die that cannot write.
  consequenceOf: ['disk-full'],
  judge(scene) {
    const host = scene.host?.host ?? '';
    // A check that asks for a page of PHP takes the backend out, and clients see the balancer's 503 in place of the 500.
    const out = takenOut(scene, host, ['L7STS']);
    const own500 = ownSymptoms(scene, host, [500]);
    const symptoms = [...own500, ...(out?.symptoms ?? [])];
    const seen = own500.length > 0 || out?.citation != null ? 'confirmed' : 'likely';
    const check = out?.citation ?? null;
    const served = symptoms.flatMap((symptom) => servedHere(scene, host, symptom));
    const failed = served.filter((each) => each.exchange.status === 500);
    const [fine] = served;
    if (failed.length === 0) {
      if (fine === undefined)
        return { is: 'not-applicable', host, reason: say('no 500 is known to come from here', '没有发现来自本机的 500') };
      return {
        is: 'ruled-out',
        host,
        because: [
          citeRequest(
            fine,
            say(
              `the same request served by ${host}: ${outcomeText(fine).en}, not 500`,
              `同一请求由 ${host} 处理：${outcomeText(fine).zh}，不是 500`,
            ),
          ),
        ],
      };
    }
    const about = (line: ErrorLine, symptom: Symptom): boolean => requestOf(line) === `${symptom.method} ${new URL(symptom.url).pathname}`;
    const own = ownErrors(scene, host, ['php-fatal']).filter(
      ({ line }) => symptoms.some((symptom) => about(line, symptom)) && !isLimit(line),
    );
    const [first] = own;
    if (first !== undefined)
      return convicted(
        seen,
        host,
        first,
        failed,
        symptoms.filter((symptom) => own.some(({ line }) => about(line, symptom))),
        check,
      );
    const limit = ownErrors(scene, host, limits).find(({ line }) => symptoms.some((symptom) => about(line, symptom)));
    if (limit !== undefined)
      return {
        is: 'ruled-out',
        host,
        because: [
          citeError(limit, say('PHP ended our request, but at a limit of memory or time', 'PHP 中断了我们的请求，但原因是内存或时间限制')),
        ],
      };
    // PHP's own log and that of php-fpm do not name the request.
    const nameless = freshErrors(scene, host, ['php-fatal', 'fpm-stderr-fatal']).filter(
      ({ line }) => line.request === null && !isLimit(line),
    );
    const [guess] = nameless;
    if (guess !== undefined) return convicted('likely', host, guess, failed, symptoms, check);
    return {
      is: 'inconclusive',
      host,
      reason: say(
        '500 was made here, but no log that could be read has a fatal error of PHP about it',
        '500 由本机产生，但可读的日志中没有对应的 PHP 致命错误',
      ),
      wouldTell: ['logs'],
    };
  },
  fix: fixPhpFatalError,
});

function convicted(
  is: 'confirmed' | 'likely',
  host: string,
  error: Logged<ErrorLine>,
  failed: ReturnType<typeof servedHere>,
  symptoms: readonly Symptom[],
  check: Citation | null,
): Convicted {
  const { message, file, line, parse } = partsOf(error.line);
  const at = file === '' ? '' : `${file}${line === '' ? '' : `:${line}`}`;
  const place = at === '' ? say('', '') : say(` at ${at}`, `，位置 ${at}`);
  const [request] = failed;
  const direct = failed.find((each) => each.exchange.door === 'backend') ?? request;
  const what =
    error.line.request === null
      ? say('while our requests ran', '在我们的请求期间')
      : say(`for our request \`${error.line.request}\``, `（对应我们的请求 \`${error.line.request}\`）`);
  return {
    is,
    host,
    summary: say(
      `PHP on ${host} stops with a fatal error${place.en}: ${message}`,
      `${host} 上的 PHP 因致命错误中断${place.zh}：${message}`,
    ),
    because: [
      citeError(
        error,
        say(
          `${host} logged ${what.en}: PHP ${parse ? 'Parse' : 'Fatal'} error: ${message}${place.en}`,
          `${host} 的日志${what.zh}：PHP ${parse ? 'Parse' : 'Fatal'} error: ${message}${place.zh}`,
        ),
      ),
      ...(direct === undefined
        ? []
        : [citeRequest(direct, say(`${host} answered it: ${outcomeText(direct).en}`, `${host} 的应答：${outcomeText(direct).zh}`))]),
      ...(check === null ? [] : [check]),
    ],
    explains: ids(symptoms),
    facts: { file, line, message, parse },
  };
}

function requestOf({ request }: ErrorLine): string {
  const [method = '', target = ''] = (request ?? '').split(' ');
  return `${method} ${target.split('?')[0] ?? ''}`;
}

/** PHP that the host gives no more memory dies with a fatal error too. */
function isLimit({ fields }: ErrorLine): boolean {
  return /^(Out of memory|Allowed memory size|Maximum execution time)/.test(fields['message'] ?? '');
}

/** What PHP said, and where: the first line, without the stack trace, whose arguments may be anybody's data. */
function partsOf({ fields, text }: ErrorLine): {
  readonly message: string;
  readonly file: string;
  readonly line: string;
  readonly parse: boolean;
} {
  const whole = (fields['message'] ?? '').split(/\n|\\n|\\x0a/i)[0] ?? '';
  const place = / in (\/[^"]*?|[A-Za-z]:\\[^"]*?)(?::(\d+)| on line (\d+))/.exec(whole);
  const said = (place === null ? whole : whole.slice(0, place.index)).trim().slice(0, 200);
  const message = said === '' ? 'no message' : said;
  return {
    message,
    file: place?.[1] ?? '',
    line: place?.[2] ?? place?.[3] ?? '',
    parse: /Parse error:/.test(text) || message.startsWith('syntax error'),
  };
}
