// Small HTTP clients for hosts without curl, as program text for python3 and perl. Both read the request from standard input and print
// one event a line: `r` resolved, `c` connected (with addresses), `s` secured, `w` all sent, `b` first byte, `o` bytes in hex, `f` orderly
// end, `k` our cap, `x` error code, `e` over; the second word is milliseconds since the start. No quotes ('): they travel in sh words.

/** Arguments: mark, host, port, name for TLS or empty, connect and total deadline in ms, extra trust anchor. */
export const pythonClient = String.raw`
import errno, os, re, select, signal, socket, ssl, sys, time
mark, host, port, name, cms, tms, anchor = sys.argv[1:8]
cms, tms = float(cms), float(tms)
t0 = time.monotonic()
signal.alarm(int(tms / 1000) + 2)
def ms(): return (time.monotonic() - t0) * 1000
def ev(*words): os.write(1, (mark + " " + " ".join(str(w) for w in words) + "\n").encode())
def over(): ev("e", "%.1f" % ms()); os._exit(0)
def bad(code): ev("x", code); over()
def left(cap): return max(0.001, (cap - ms()) / 1000)
def code_of(error):
    if isinstance(error, ssl.SSLCertVerificationError): return "CERT_%s" % error.verify_code
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)): return "CLOSED"
    if isinstance(error, (socket.timeout, ssl.SSLWantReadError)): return "DEADLINE"
    if isinstance(error, ssl.SSLError): return "ERR_SSL_%s" % (error.reason or "UNKNOWN")
    return errno.errorcode.get(error.errno, "UNKNOWN")
out = sys.stdin.buffer.read()
try: family, kind, proto, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
except socket.gaierror: bad("ENOTFOUND")
ev("r", "%.1f" % ms())
s = socket.socket(family, kind, proto)
s.settimeout(left(min(cms, tms)))
try: s.connect(address)
except OSError as e: bad(code_of(e))
ev("c", "%.1f" % ms(), s.getsockname()[0], s.getpeername()[0])
if name:
    context = ssl.create_default_context()
    if anchor: context.load_verify_locations(cadata=anchor)
    s.settimeout(left(min(cms, tms)))
    try: s = context.wrap_socket(s, server_hostname=name)
    except OSError as e: bad(code_of(e))
    ev("s", "%.1f" % ms())
s.setblocking(False)
got, sent, failed, first = b"", 0, None, True
cap = 1024 * 1024 + 256 * 1024
def whole():
    head, blank, body = got.partition(b"\r\n\r\n")
    if not blank or re.match(rb"HTTP/1.[01] 1", head): return False
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    if length: return len(body) >= int(length.group(1))
    return bool(re.search(rb"\r\ntransfer-encoding: *chunked", head, re.I)) and body.endswith(b"0\r\n\r\n")
while True:
    if ms() >= tms: bad("DEADLINE")
    writing = failed is None and sent < len(out)
    pending = name and s.pending()
    readable, writable, _ = ([s], [], []) if pending else select.select([s], [s] if writing else [], [], left(tms))
    if readable:
        try: data = s.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError): data = None
        except OSError as e: bad(failed or code_of(e))
        if data == b"":
            if failed: bad(failed)
            ev("f"); over()
        if data:
            if first: ev("b", "%.1f" % ms()); first = False
            got += data
            for i in range(0, len(data), 900): ev("o", data[i:i + 900].hex())
            if len(got) > cap: ev("k"); over()
            if whole(): over()
    if writable and writing:
        try: sent += s.send(out[sent:sent + 16384])
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError): pass
        except OSError as e: failed = code_of(e)
        if sent == len(out): ev("w", "%.1f" % ms())
`;

/** Arguments: mark, host, port, connect and total deadline in ms. Plain HTTP only: perl has no TLS of its own. */
export const perlClient = String.raw`
use strict; use Socket qw(:all); use Errno; use POSIX (); use Fcntl;
my ($mark, $host, $port, $cms, $tms) = @ARGV;
my $fine = eval { require Time::HiRes; 1 };
my $tick = POSIX::sysconf(POSIX::_SC_CLK_TCK());
sub now { $fine ? Time::HiRes::time() * 1000 : (POSIX::times())[0] * 1000 / $tick }
my $t0 = now();
alarm(int($tms / 1000) + 2);
$SIG{PIPE} = "IGNORE";
sub ms { sprintf("%.1f", now() - $t0) }
sub ev { syswrite(STDOUT, join(" ", $mark, @_) . "\n") }
sub over { ev("e", ms()); exit 0 }
sub bad { ev("x", $_[0]); over() }
sub code { for my $name (sort keys %!) { return $name if $!{$name} } return "UNKNOWN" }
sub left { my $rest = ($_[0] - (now() - $t0)) / 1000; $rest < 0.001 ? 0.001 : $rest }
binmode STDIN; binmode STDOUT;
my $out = do { local $/; <STDIN> }; $out = "" unless defined $out;
my ($error, @found) = getaddrinfo($host, $port, { socktype => SOCK_STREAM });
bad("ENOTFOUND") if $error;
ev("r", ms());
socket(my $s, $found[0]{family}, SOCK_STREAM, 0) or bad(code());
fcntl($s, F_SETFL, O_NONBLOCK);
my $bit = ""; vec($bit, fileno($s), 1) = 1;
unless (connect($s, $found[0]{addr})) {
  bad(code()) unless $!{EINPROGRESS};
  my $cap = $cms < $tms ? $cms : $tms;
  my $n = select(undef, my $w = $bit, undef, left($cap));
  bad("DEADLINE") unless $n;
  $! = unpack("i", getsockopt($s, SOL_SOCKET, SO_ERROR));
  bad(code()) if $! + 0;
}
sub name { (getnameinfo($_[0], NI_NUMERICHOST | NI_NUMERICSERV))[1] }
ev("c", ms(), name(getsockname($s)), name(getpeername($s)));
my ($got, $sent, $failed, $first) = ("", 0, "", 1);
sub whole {
  my $at = index($got, "\r\n\r\n"); return 0 if $at < 0;
  my $head = substr($got, 0, $at); return 0 if $head =~ m{^HTTP/1.[01] 1};
  return length($got) - $at - 4 >= $1 if $head =~ /\r\ncontent-length: *(\d+)/i;
  return $head =~ /\r\ntransfer-encoding: *chunked/i && $got =~ /0\r\n\r\n\z/;
}
while (1) {
  bad("DEADLINE") if now() - $t0 >= $tms;
  my $writing = !$failed && $sent < length($out);
  my ($r, $w) = ($bit, $writing ? $bit : "");
  select($r, $w, undef, left($tms));
  if (vec($r, fileno($s), 1)) {
    my $n = sysread($s, my $data, 65536);
    if (!defined $n) { bad($failed || code()) unless $!{EAGAIN} }
    elsif ($n == 0) { bad($failed) if $failed; ev("f"); over() }
    else {
      if ($first) { ev("b", ms()); $first = 0 }
      $got .= $data;
      for (my $i = 0; $i < $n; $i += 900) { ev("o", unpack("H*", substr($data, $i, 900))) }
      if (length($got) > 1310720) { ev("k"); over() }
      over() if whole();
    }
  }
  if ($writing && vec($w, fileno($s), 1)) {
    my $n = syswrite($s, $out, 16384, $sent);
    if (defined $n) { $sent += $n } elsif (!$!{EAGAIN}) { $failed = code() }
    ev("w", ms()) if $sent == length($out);
  }
}
`;
