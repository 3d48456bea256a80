// The configuration that the running nginx uses, with file and line of every directive.
import { parseNginxDump } from '../../facts/nginx-parse.ts';
import { plain } from '../../model/neutral.ts';
import type { NginxConfig } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';
import { redactText } from '../../model/redact.ts';

const script = `
echo "pid $W5_NGINX_PID"
echo "bin $W5_NGINX_BIN"
echo "conf $W5_NGINX_CONF"
echo "source $W5_NGINX_SOURCE"
w5_children=0 w5_uid=
if [ -n "$W5_NGINX_PID" ]; then
  w5_children "$W5_NGINX_PID"
  for w5_child in $w5_kids; do
    w5_title=
    read -r w5_title <"/proc/$w5_child/cmdline"
    case $w5_title in
      *worker*)
        w5_children=$((w5_children + 1))
        [ -n "$w5_uid" ] || w5_uid=$(sed -n 's/^Uid:[[:space:]]*[0-9]*[[:space:]]*\\([0-9]*\\).*/\\1/p' "/proc/$w5_child/status") ;;
    esac
  done
fi
echo "workers $w5_children"
w5_user=
[ -n "$w5_uid" ] && w5_user=$(awk -F: -v uid="$w5_uid" '$3 == uid { print $1; exit }' /etc/passwd)
echo "user \${w5_user:-$w5_uid}"
printf '%s\\n' "$W5_NGINX_ERROR" | tr '\\n\\t' '  ' | sed 's/^/error /'
echo
w5_nginx_version | grep -a -e 'version:' -e '^built by' | head -n 2 | tr '\\n' ' ' | sed 's/^/version /'
echo
case $W5_NGINX_ERROR in *'13: Permission denied'*) w5_needs_root 'nginx -T' ;; esac
echo dump
w5_nginx_dump
`;

function parse(output: string): NginxConfig {
  const at = output.indexOf('\ndump\n');
  if (at < 0) throw new ProbeError('the nginx configuration could not be read');
  const head = new Map<string, string>();
  for (const line of output.slice(0, at).split('\n')) {
    const blank = line.indexOf(' ');
    if (blank > 0 && !head.has(line.slice(0, blank))) head.set(line.slice(0, blank), line.slice(blank + 1).trim());
  }
  const get = (key: string): string | null => head.get(key) || null;
  const parsed = parseNginxDump(output.slice(at + '\ndump\n'.length));
  const pid = get('pid');
  const source = get('source');
  if (pid === null && get('bin') === null && parsed.files.length === 0) {
    throw new ProbeError('no nginx here', { status: 'skipped', needs: 'a running nginx, or paths.nginxConfig' });
  }
  const version = get('version') ?? '';
  const complaint = get('error');
  const emergency = complaint === null ? null : (/\[emerg\][^[]*?(?= nginx: |$)/.exec(complaint)?.[0] ?? null);
  const denied = complaint?.includes('13: Permission denied') ?? false;
  return {
    running: pid !== null,
    masterPid: pid === null ? null : Number(pid),
    workerUser: get('user') ?? userDirective(parsed.directives),
    workers: Number(get('workers') ?? 0),
    version: /(?:nginx|openresty|tengine)\/([\w.+-]+)/i.exec(version.replace(/Tengine version: /i, ''))?.[1] ?? null,
    build: /tengine/i.test(version) ? 'tengine' : /openresty/i.test(version) ? 'openresty' : version === '' ? null : 'nginx',
    configFile: parsed.files[0] ?? get('conf'),
    source: source === 'nginx -T' || source === 'files' ? source : null,
    directives: parsed.directives,
    syntaxError: !denied && emergency !== null ? plain(redactText(emergency.trim())).slice(0, 600) : null,
  };
}

function userDirective(directives: NginxConfig['directives']): string | null {
  return directives.find((directive) => directive.name === 'user')?.args[0] ?? null;
}

/** The nginx of this host: process, version, and all directives with includes resolved. */
export const nginxConfig = defineHostProbe<'nginx-config', NginxConfig>({
  id: 'nginx-config',
  title: 'nginx configuration',
  roles: ['edge', 'balancer', 'backend'],
  when: 'before',
  script,
  parse,
  combine: (_, config) => config,
});
