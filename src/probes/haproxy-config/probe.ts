// The configuration of HAProxy, by sections and lines.
import { parseHaproxy } from '../../facts/haproxy-parse.ts';
import { splitDump } from '../../facts/nginx-parse.ts';
import type { HaproxyConfig } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';

const script = `
set -- $W5_HAPROXY_PIDS
echo "pid \${1:-}"
w5_bin=haproxy
[ $# -gt 0 ] && [ -x "/proc/$1/exe" ] && w5_bin=/proc/$1/exe
w5_try 3 "$w5_bin" -v | head -n 1
echo
echo dump
IFS=$w5_nl
for w5_file in $W5_HAPROXY_CONFS; do
  unset IFS
  if [ -r "$w5_file" ]; then
    printf '# configuration file %s:\\n' "$w5_file"
    head -c 2097152 "$w5_file" | tr -d '\\000'
    echo
  elif [ -e "$w5_file" ]; then
    w5_needs_root 'haproxy.cfg'
  fi
done
exit 0
`;

function parse(output: string): HaproxyConfig {
  const at = output.indexOf('\ndump\n');
  const head = at < 0 ? output : output.slice(0, at);
  const files = at < 0 ? [] : splitDump(output.slice(at + '\ndump\n'.length));
  const pid = /^pid (\d+)/.exec(head)?.[1] ?? null;
  const version = /HA-?Proxy version ([\w.+~-]+)/i.exec(head)?.[1] ?? null;
  if (pid === null && version === null && files.length === 0) {
    throw new ProbeError('no HAProxy here', { status: 'skipped', needs: 'a running HAProxy, or paths.haproxyConfig' });
  }
  return {
    running: pid !== null,
    pid: pid === null ? null : Number(pid),
    version,
    configFile: files[0]?.file ?? null,
    sections: files.flatMap(({ text }) => parseHaproxy(text)),
  };
}

/** The HAProxy of this host. With several files the lines are those of their own file, and `configFile` names the first. */
export const haproxyConfig = defineHostProbe<'haproxy-config', HaproxyConfig>({
  id: 'haproxy-config',
  title: 'HAProxy configuration',
  roles: ['edge', 'balancer', 'backend'],
  when: 'before',
  script,
  parse,
  combine: (_, config) => config,
});
