// The Unix sockets between web server and runtime as the file system has them: whether each exists and whether the web server may use it.
import type { SocketFiles } from '../../model/observations.ts';
import { defineHostProbe, ProbeError } from '../../model/probe.ts';

const script = `
w5_nginx=$(w5_nginx_dump | sed -n -e '/^[[:space:]]*#/d' -e '/\\(_pass\\|server\\)[[:space:]]/s/.*unix:\\(\\/[^;:"'"'"' }]*\\).*/nginx \\1/p')
w5_fpm=$(w5_fpm_dump | awk '
  /^[ \\t]*;/ { next }
  /^[ \\t]*\\[/ { pool = $0; gsub(/[][ \\t]/, "", pool); next }
  /^[ \\t]*listen[ \\t]*=[ \\t]*["\\047]?\\// { path = $0; sub(/^[^=]*=[ \\t]*/, "", path); sub(/[ \\t]+(;.*)?$/, "", path); gsub(/["\\047]/, "", path); gsub(/\\$pool/, pool, path); print "php-fpm " path }')
printf '%s\\n%s\\n' "$w5_nginx" "$w5_fpm"
echo
w5_worker=
w5_kids=
[ -n "$W5_NGINX_PID" ] && w5_children "$W5_NGINX_PID"
for w5_child in $w5_kids; do
  w5_title=
  read -r w5_title <"/proc/$w5_child/cmdline"
  case $w5_title in *worker*) w5_worker=$w5_child; break ;; esac
done
w5_user=
if [ -n "$w5_worker" ]; then
  awk '$1 == "Uid:" { uid = $3 } $1 == "Gid:" { gid = $3 } $1 == "Groups:" { $1 = ""; groups = $0 } END { print "worker", uid, gid, groups }' "/proc/$w5_worker/status"
  w5_uid=$(awk '$1 == "Uid:" { print $3 }' "/proc/$w5_worker/status")
  w5_user=$(awk -F: -v uid="$w5_uid" '$3 == uid { print $1; exit }' /etc/passwd)
  echo "user \${w5_user:-$w5_uid}"
else
  w5_user=$(w5_nginx_dump | sed -n 's/^[[:space:]]*user[[:space:]]\\{1,\\}\\([^;]*\\);.*/\\1/p' | head -n 1)
  w5_group=\${w5_user#* }
  [ "$w5_group" = "$w5_user" ] && w5_group=
  w5_user=\${w5_user%% *}
  if [ -n "$w5_user" ]; then
    echo "user $w5_user"
    awk -F: -v name="$w5_user" -v group="$w5_group" '
      FILENAME == "/etc/passwd" && $1 == name { uid = $3; gid = $4 }
      FILENAME == "/etc/group" && group != "" && $1 == group { gid = $3 }
      FILENAME == "/etc/group" { count = split($4, member, ","); for (i = 1; i <= count; i++) if (member[i] == name) groups = groups " " $3 }
      END { if (uid != "") print "worker", uid, gid, groups }' /etc/passwd /etc/group
  fi
fi
w5_paths= w5_sockets= w5_shut=
IFS=$w5_nl
set -f
for w5_line in $w5_nginx $w5_fpm; do
  w5_path=\${w5_line#* }
  case $w5_path in *'$'*) continue ;; esac
  w5_sockets=$w5_sockets$w5_nl$w5_path
  w5_dir=$w5_path
  while [ -n "$w5_dir" ]; do
    w5_paths=$w5_paths$w5_nl$w5_dir
    w5_dir=\${w5_dir%/*}
    [ -d "$w5_dir" ] && [ ! -x "$w5_dir" ] && w5_shut=1
  done
done
echo numbers
ls -lLnd / $w5_paths
echo names
ls -lLd / $w5_sockets
[ -n "$w5_shut" ] && w5_needs_root 'sockets below closed directories'
exit 0
`;

interface Entry {
  readonly type: string;
  readonly bits: string; // rwxrwxrwx
  readonly extended: boolean; // an access list or label may decide differently
  readonly owner: string;
  readonly group: string;
}

/** `srw-rw---- 1 33 33 0 Nov 23 20:40 /run/x.sock`; the path begins at the first blank and slash. */
function entriesOf(lines: readonly string[]): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const line of lines) {
    const match = /^([a-z-])([rwxsStT-]{9})([+.@]?)\s+\d+\s+(\S+)\s+(\S+)\s.*? (\/.*)$/.exec(line);
    if (!match) continue;
    const [, type = '', bits = '', mark = '', owner = '', group = '', path = ''] = match;
    entries.set(path, { type, bits, extended: mark === '+', owner, group });
  }
  return entries;
}

function octal(bits: string): string {
  const digit = (part: string): number => (part[0] === 'r' ? 4 : 0) + (part[1] === 'w' ? 2 : 0) + (/[xst]/.test(part[2] ?? '') ? 1 : 0);
  const special = (/[sS]/.test(bits[2] ?? '') ? 4 : 0) + (/[sS]/.test(bits[5] ?? '') ? 2 : 0) + (/[tT]/.test(bits[8] ?? '') ? 1 : 0);
  return `${special}${digit(bits.slice(0, 3))}${digit(bits.slice(3, 6))}${digit(bits.slice(6, 9))}`;
}

interface User {
  readonly uid: string;
  readonly groups: ReadonlySet<string>;
}

/** The kernel's rule: the first class that fits decides, also when a later one would allow more. */
function may(user: User, entry: Entry, right: 'w' | 'x'): boolean {
  if (user.uid === '0') return true;
  const at = entry.owner === user.uid ? 0 : user.groups.has(entry.group) ? 3 : 6;
  const letter = entry.bits[at + (right === 'w' ? 1 : 2)] ?? '-';
  return right === 'w' ? letter === 'w' : /[xst]/.test(letter);
}

function parse(output: string): SocketFiles {
  const lines = output.split('\n');
  const numbersAt = lines.indexOf('numbers');
  const namesAt = lines.indexOf('names');
  if (numbersAt < 0) throw new ProbeError('the sockets could not be looked at');
  const numbers = entriesOf(lines.slice(numbersAt, namesAt < 0 ? undefined : namesAt));
  const names = entriesOf(namesAt < 0 ? [] : lines.slice(namesAt));
  const head = lines.slice(0, numbersAt);
  const named = new Map<string, Set<'nginx' | 'php-fpm'>>();
  for (const line of head) {
    const match = /^(nginx|php-fpm) (\/.*)$/.exec(line);
    if (!match || match[2] === undefined || match[2].includes('$')) continue;
    const by = named.get(match[2]) ?? new Set();
    by.add(match[1] === 'nginx' ? 'nginx' : 'php-fpm');
    named.set(match[2], by);
  }
  const worker = head.map((line) => /^worker (\d+) (\d+)(.*)$/.exec(line)).find((match) => match !== null);
  const user: User | null = worker
    ? { uid: worker[1] ?? '', groups: new Set([worker[2] ?? '', ...(worker[3] ?? '').trim().split(/\s+/)]) }
    : null;
  const userName = head.find((line) => line.startsWith('user '))?.slice('user '.length) || null;
  const sockets = [...named].map(([path, by]) => {
    const entry = numbers.get(path);
    const above: string[] = ['/'];
    for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) above.push(path.slice(0, at));
    const closed =
      user === null
        ? []
        : above.filter((folder) => {
            const directory = numbers.get(folder);
            return directory !== undefined && !may(user, directory, 'x');
          });
    const uncertain = entry?.extended === true || above.some((folder) => numbers.get(folder)?.extended === true);
    const writable = user === null || entry === undefined || uncertain ? null : closed.length === 0 && may(user, entry, 'w');
    return {
      path,
      namedBy: [...by],
      exists: entry !== undefined,
      isSocket: entry?.type === 's',
      mode: entry === undefined ? null : octal(entry.bits),
      owner: names.get(path)?.owner ?? entry?.owner ?? null,
      group: names.get(path)?.group ?? entry?.group ?? null,
      closedDirectories: closed,
      writableByWebServer: writable,
    };
  });
  return { sockets, webServerUser: userName };
}

/** Sockets that nginx or php-fpm name. Rights are worked out for the user that nginx's workers run as. */
export const socketFiles = defineHostProbe<'socket-files', SocketFiles>({
  id: 'socket-files',
  title: 'Unix sockets of the web server and the runtime',
  roles: ['backend', 'balancer', 'edge'],
  when: 'before',
  script,
  parse,
  combine: (_, sockets) => sockets,
});
