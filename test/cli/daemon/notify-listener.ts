import { spawn } from 'node:child_process';
import { until } from '../daemon-process.ts';

/** A socket such as systemd listens on, for what a service says about itself. */

const LISTENING_LIMIT_MS = 20_000;

/** Perl is part of every Debian and, unlike Node, has datagram sockets of this kind. Each message becomes one line. */
const LISTENER = `use Socket; $| = 1;
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die;
print "listening\\n";
while (defined recv($s, my $m, 65536, 0)) { $m =~ s/\\n/ /g; print "$m\\n"; }`;

export interface NotifyListener {
  /** What was said so far. */
  heard(): string[];
  close(): void;
}

export async function listenAt(socket: string): Promise<NotifyListener> {
  let text = '';
  const listener = spawn('perl', ['-e', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  listener.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await until(
    () => text,
    (seen) => seen.startsWith('listening\n'),
    LISTENING_LIMIT_MS,
  );
  return {
    // systemd-notify asks to be told when its message was taken; that is its own affair.
    heard: () => text.split('\n').filter((line) => !['', 'listening', 'BARRIER=1'].includes(line)),
    close: () => void listener.kill('SIGKILL'),
  };
}
