// Takes secrets out of everything that leaves a run. Probes call it early so that secrets do not travel; the bundle writer calls it
// again on every string, because one forgotten place is enough.

/** What stands where a secret was. */
export const redacted = '[redacted]';

const secretHeader =
  /^(authorization|proxy-authorization|cookie|set-cookie|set-cookie2|x-api-key|api-key|apikey|x-auth-token|x-access-token|x-amz-security-token|x-csrf-token|x-xsrf-token|authentication|x-vault-token|private-token|x-gitlab-token|x-goog-iam-authorization-token)$/i;

const secretWord =
  '(?:pass(?:word|wd|phrase|code)?|pwd|pw|secret(?:[_-]?key)?|client[_-]?secret|token|(?:access|auth|refresh|id|session|bearer|csrf|xsrf)[ _-]?(?:token|key|secret)|(?:api|app|private|encryption|signing|license)[ _-]?key|apikey|access[_-]?key(?:[_-]?id)?|auth(?:orization)?|credentials?|signature|sig|session(?:[ _-]?id)?|phpsessid|jsessionid|sid|otp|requirepass|masterauth|dsn|jwt|hmac|salt)';
const secretKey = new RegExp(`(?:^|[._\\-[])${secretWord}(?:$|[._\\-\\]])|^x-amz-(?:signature|credential|security-token)$`, 'i');

/** True for a name (of a header, a query key, a setting) whose value is to be hidden. */
export function isSecretName(name: string): boolean {
  return secretHeader.test(name) || secretKey.test(name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2'));
}

/** A header's value, hidden when the name or the value says that it is secret. Cookie names stay, their values go. */
export function redactHeader(name: string, value: string): string {
  if (/^set-cookie2?$/i.test(name)) {
    return value.replace(/^([^=;\s]{1,128})=[^;]*/, (_, key: string) => `${key}=${redacted}`);
  }
  if (/^cookie$/i.test(name)) return redacted;
  if (isSecretName(name)) return redacted;
  return redactText(value);
}

/** Values of a query string that may stay: short and plain, under a name that is not secret. */
const plainValue = /^[\w.,:+~-]{0,12}$/;

function redactQuery(query: string): string {
  return query
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=');
      if (at < 0) return plainValue.test(pair) || /^[A-Za-z_-]{1,32}$/.test(pair) ? pair : redacted;
      const key = pair.slice(0, at);
      const value = pair.slice(at + 1);
      if (value === '' || value === redacted) return pair;
      let name = key;
      try {
        name = decodeURIComponent(key);
      } catch {
        // A malformed escape: judge the name as it is written.
      }
      return isSecretName(name) || !plainValue.test(value) ? `${key}=${redacted}` : pair;
    })
    .join('&');
}

/** A URL without userinfo, and with secret-looking query values hidden. Anything that is no URL is treated as text. */
export function redactUrl(url: string): string {
  return redactText(url);
}

// Every repetition that another one follows is bounded: log lines and pages come from strangers, and matching must stay linear.
type Replacement = readonly [RegExp, string | ((match: string, ...groups: string[]) => string)];

const replacements: readonly Replacement[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, `-----BEGIN PRIVATE KEY-----${redacted}`],
  // userinfo in URLs and DSNs
  // A lone name in front of ssh's @ is a login, which everybody on the way may know; elsewhere it may be a token.
  [
    /\b([a-z][a-z0-9+.-]{0,30}):\/\/([^\s/@:'"]*)(:[^\s/@'"]*)?@/gi,
    (_, scheme, user, password) => `${scheme}://${/^(ssh|sftp)$/i.test(scheme ?? '') && password === undefined ? user : redacted}@`,
  ],
  // query strings wherever they stand: in request lines, upstream URLs, referrers
  [/\?([^\s"'<>#)]+)/g, (_, query) => `?${redactQuery(query ?? '')}`],
  // header lines and quoted header settings
  [
    /\b(authorization|proxy-authorization|cookie|set-cookie|x-api-key|x-auth-token|x-access-token|x-vault-token|private-token|x-csrf-token)(["']?\s*[:=]\s*["']?|["']?\s+["'])(?!\[redacted\])[^\r\n"'|}]+/gi,
    `$1$2${redacted}`,
  ],
  [/\b(Bearer|Basic|Digest|Negotiate|AWS4-HMAC-SHA256|Token)\s+(?!realm)[A-Za-z0-9+/_.~=-]{8,}/g, `$1 ${redacted}`],
  // JSON web tokens and well-known key shapes
  [/\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g, redacted],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b/g, redacted],
  [/\bLTAI[A-Za-z0-9]{12,}\b/g, redacted],
  [
    /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|sk_(?:live|test)_\w{10,}|sk-[A-Za-z0-9_-]{20,}|AIza[\w-]{30,})/g,
    redacted,
  ],
  // HAProxy: stats auth user:password; userlists
  [/\b(stats\s+auth\s+[^\s:]+:)\S+/gi, `$1${redacted}`],
  [/\b(user\s+\S+\s+(?:insecure-)?password\s+)\S+/gi, `$1${redacted}`],
  // What PHP prints of a call: the arguments of a stack frame, and of functions that take a password
  [/(#\d+ [^\n#]{1,300}?\(\d+\): [\w\\:>-]{1,200}\()([^\n]*)/g, (_, head, args) => head + withoutStrings(args ?? '')],
  [
    /\b((?:PDO|mysqli|mysqli?(?:_real)?_p?connect|pg_p?connect|oci_connect|ldap_bind|ftp_login|imap_open|ssh2_auth_password|password_verify|auth|authenticate|login)(?:->__construct|::__construct)?\()([^\n)]*)/g,
    (_, head, args) => head + withoutStrings(args ?? ''),
  ],
  // HTML: fields, and a name in one element with its value in the next
  [/<(?:input|meta|param|button|option)\b[^>]{0,2000}>/gi, (tag) => withoutFieldValue(tag)],
  [
    new RegExp(
      `(>\\s*(?:[\\w.-]{0,60}[._-])?${secretWord}(?:[._-]\\w{1,40}){0,4}\\s*:?\\s*</\\w+>\\s*<\\w+[^>]{0,200}>)([^<]+)(?=<)`,
      'gi',
    ),
    `$1${redacted}`,
  ],
  [/\b((?:c?nonce|opaque)=)("[^"]*"|[^\s,;"']+)/gi, `$1${redacted}`],
  [
    /\b([a-z][A-Za-z0-9]*(?:Password|Passwd|Passphrase|Secret|Token|Credentials?|(?:Api|App|Secret|Private|Access|Auth|Session|Signing)Key)["'\]]{0,2}\s*(?::|=>?)\s*)("[^"]*"|'[^']*'|[^\s,;&"'|}]+)/g,
    (match, head, value) => ((value ?? '').startsWith(redacted) ? match : `${head}${redacted}`),
  ],
  // --password=x, --password x, -e DB_PASSWORD=x, env[DB_PASSWORD] = x, "password": "x", fastcgi_param DB_PASSWORD x
  [
    new RegExp(
      `((?:^|[^A-Za-z0-9])(?:[A-Za-z0-9]{1,40}[._-]){0,6}${secretWord}(?:[._-][A-Za-z0-9]{1,40}){0,4}["'\\]]{0,2}\\s*(?::|=>?)\\s*(?:string\\(\\d+\\)\\s*)?)("(?:[^"\\\\]|\\\\.)*"|'[^']*'|[^\\s,;&"'|}]+)`,
      'gi',
    ),
    (match, head, value) => (value === redacted || value === '' || (value ?? '').startsWith(redacted) ? match : `${head}${redacted}`),
  ],
  [new RegExp(`(\\s--?(?:[A-Za-z0-9]{1,40}[._-]){0,6}${secretWord}\\s+)(?!-)([^\\s]+)`, 'gi'), `$1${redacted}`],
  [
    new RegExp(
      `\\b((?:fastcgi_param|uwsgi_param|scgi_param|proxy_set_header|add_header|env|set|setenv|SetEnv)\\s+\\$?(?:[A-Za-z0-9]{1,40}[._-]){0,6}${secretWord}(?:[._-][A-Za-z0-9]{1,40}){0,4}\\s+)("[^"]*"|'[^']*'|[^\\s;]+)`,
      'gi',
    ),
    `$1${redacted}`,
  ],
  [/(\bmysql\S*\s(?:.{0,300}?\s)?-p)(?!assword)([^\s]+)/g, `$1${redacted}`],
  [/(\bcurl\s(?:.{0,300}?\s)?(?:-u|--user)\s+)(\S+)/g, `$1${redacted}`],
  [/(\bsshpass\s+-p\s*)(\S+)/g, `$1${redacted}`],
  [/(\bredis-cli\s(?:.{0,300}?\s)?-a\s+)(\S+)/g, `$1${redacted}`],
  [/(\bldap\w+\s(?:.{0,300}?\s)?-w\s*)(\S+)/g, `$1${redacted}`],
  [/(\s-pass(?:in|out)\s+pass:)(\S+)/g, `$1${redacted}`],
];

/** Quoted strings of an argument list, hidden. Also where the list was cut in the middle of one. */
function withoutStrings(args: string): string {
  return args.replace(/'[^']*(?:'|$)|"[^"]*(?:"|$)/g, (quoted) =>
    quoted.includes(redacted) ? quoted : `${quoted[0] ?? ''}${redacted}${quoted[0] ?? ''}`,
  );
}

/** A form field or meta tag whose name is that of a secret, without its value. */
function withoutFieldValue(tag: string): string {
  const name = /\s(?:name|id|property)\s*=\s*["']?([^"'\s>]+)/i.exec(tag)?.[1];
  if (name === undefined || !isSecretName(name.replace(/^_+/, ''))) return tag;
  return tag.replace(/(\s(?:value|content)\s*=\s*)("[^"]*"|'[^']*'|[^\s>]+)/gi, `$1"${redacted}"`);
}

/**
 * True for a header whose value says how a request is to be handled. A header of somebody's own making may hold a key that two of their
 * machines share, whatever its name.
 */
export function isPlainHeader(name: string): boolean {
  return plainHeader.test(name);
}
const plainHeader =
  /^(host|server|connection|keep-alive|upgrade|te|expect|range|via|date|age|vary|etag|location|origin|referer|from|user-agent|content-[a-z-]+|transfer-encoding|accept(-[a-z-]+)?|forwarded|x-forwarded-[a-z-]+|x-(real|client)-(ip|port)|x-(scheme|proto|ssl)|x-request-(id|start)|x-requested-with|x-original-[a-z-]+|cache-control|pragma|expires|last-modified|if-[a-z-]+|retry-after|strict-transport-security|x-frame-options|x-content-type-options|x-xss-protection|x-robots-tag|referrer-policy|permissions-policy|content-security-policy(-report-only)?|access-control-[a-z-]+|alt-svc|x-powered-by|x-cache[a-z-]*|x-served-by|x-accel-[a-z-]+|proxy|early-data|allow|link|timing-allow-origin)$/i;

/**
 * Text with everything that looks like a secret hidden. `secrets` are values known to be secret (resolved header values of the site
 * file); they go wherever they stand, also URL-encoded or in base64.
 */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let out = text;
  for (const secret of secrets) {
    for (const form of formsOf(secret)) {
      if (form.length >= 4 && out.includes(form)) out = out.replaceAll(form, redacted);
    }
  }
  for (const [pattern, replacement] of replacements) {
    out = typeof replacement === 'string' ? out.replace(pattern, replacement) : out.replace(pattern, replacement);
  }
  return out;
}

function formsOf(secret: string): readonly string[] {
  return [secret, encodeURIComponent(secret), btoa(unescapeToLatin1(secret))];
}
function unescapeToLatin1(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text).slice(0, 4096));
}

/** A copy of JSON data with every string redacted. Values under a secret key go whole; structure and keys stay, so pointers still resolve. */
export function redactJson<T>(data: T, secrets: readonly string[] = []): T {
  // Evidence repeats itself: the same addresses, settings and words, thousands of times.
  const known = new Map<string, string>();
  const hide = (text: string): string => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const after = redactText(text, secrets);
    known.set(text, after);
    return after;
  };
  return walk(data, hide, null) as T;
}
function walk(value: unknown, hide: (text: string) => string, key: string | null): unknown {
  if (typeof value === 'string') {
    // A log line's signature is an id of our own catalogue; anything else under that name may be a key's.
    if (key !== null && value !== '' && isSecretName(key) && !(key === 'signature' && /^[a-z]{2,12}(-[a-z0-9]{1,12}){1,5}$/.test(value)))
      return redacted;
    return hide(value);
  }
  if (Array.isArray(value)) {
    // [name, value] pairs of headers
    if (value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'string' && /^[\w-]+$/.test(value[0])) {
      return [value[0], redactHeader(value[0], hide(value[1]))];
    }
    // words of a setting: after a secret name the next word is its value
    return value.map((each, i) => {
      const before: unknown = i > 0 ? value[i - 1] : null;
      if (
        typeof each === 'string' &&
        typeof before === 'string' &&
        /^-{0,2}[\w$.[\]-]+$/.test(before) &&
        isSecretName(before.replace(/^-+|^\$/, ''))
      )
        return redacted;
      return walk(each, hide, null);
    });
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, walk(each, hide, name)]));
  }
  return value;
}

/** The words of a command without its secrets: `--password=x` and `--token x` lose their values; so does the `-p` of sshpass. */
export function redactWords(words: readonly string[]): string[] {
  return words.map((word, i) => {
    const before = words[i - 1] ?? '';
    if (/^-{1,2}[\w-]*(pass|token|secret|key)[\w-]*$/i.test(before)) return redacted;
    if (before === '-p' && (words[i - 2] ?? '').endsWith('sshpass')) return redacted;
    return before.endsWith('sshpass') && /^-p./.test(word) ? `-p${redacted}` : redactText(word);
  });
}
