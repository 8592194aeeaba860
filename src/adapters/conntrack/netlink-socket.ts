import { read } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { TableError } from './kernel-table.ts';

/**
 * A socket of the kernel's netfilter, through the C library: Node opens none of this family. What blocks a thread is
 * bounded by a time limit of the socket, so that the process can always end.
 */

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const NETLINK_NETFILTER = 12;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const MSG_DONTWAIT = 0x40;
const SOCKET_ADDRESS_BYTES = 12;

/** New, changed and destroyed entries. */
const GROUPS = [1, 2, 3];
/** Longest time that a thread waits for an event before it looks whether the process ends. */
const WAIT_LIMIT_MS = 200;

interface Library {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  getsockname(fd: number, address: Buffer, length: Buffer): number;
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number;
  recv(fd: number, into: Buffer, length: number, flags: number): number;
  sendto(fd: number, bytes: Buffer, length: number, flags: number, to: Buffer, toLength: number): number;
  close(fd: number): number;
  /** Of the last call, as the C library numbers it. */
  errno(): number;
}

export interface NetlinkSocket {
  /** Number by which others address messages to it. */
  readonly port: number;
  /** Waits for one datagram for a while. 0: none came. Throws what the kernel says. */
  wait(into: Buffer): Promise<number>;
  /** Takes one datagram that is there. 0: none is. Throws what the kernel says. */
  take(into: Buffer): number;
  /** `to` 0: the kernel. */
  send(message: Buffer, to?: number): void;
  close(): void;
}

export interface NetlinkSockets {
  /** Of requests and their answers. */
  forRequests(): NetlinkSocket;
  /** Of everything that happens to the table. */
  forEvents(receiveBufferBytes: number): NetlinkSocket;
}

/** What the kernel answered instead of what was asked for. */
export class KernelRefusal extends Error {
  readonly code: string;

  constructor(call: string, errno: number) {
    const code = getSystemErrorName(-errno);
    super(`${call}: ${code}`);
    this.name = 'KernelRefusal';
    this.code = code;
  }
}

export async function openNetlink(): Promise<NetlinkSockets> {
  const library = await loadLibrary();
  return {
    forRequests: () => openSocket(library),
    forEvents(receiveBufferBytes) {
      const socket = openSocket(library);
      try {
        socket.setBuffer(receiveBufferBytes);
        for (const group of GROUPS) socket.set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, int32(group));
        return socket;
      } catch (error) {
        socket.close();
        throw error;
      }
    },
  };
}

async function loadLibrary(): Promise<Library> {
  try {
    const { default: koffi } = await import('koffi');
    // The library that this process runs on, whatever its name is here.
    const libc = koffi.load(null);
    return {
      socket: libc.func('int socket(int, int, int)'),
      bind: libc.func('int bind(int, const void *, uint32_t)'),
      getsockname: libc.func('int getsockname(int, void *, void *)'),
      setsockopt: libc.func('int setsockopt(int, int, int, const void *, uint32_t)'),
      recv: libc.func('intptr_t recv(int, void *, size_t, int)'),
      sendto: libc.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)'),
      close: libc.func('int close(int)'),
      errno: () => koffi.errno(),
    };
  } catch (error) {
    throw new TableError('the C library cannot be called on this machine', { cause: error });
  }
}

interface ConfigurableSocket extends NetlinkSocket {
  set(level: number, option: number, value: Buffer): void;
  setBuffer(bytes: number): void;
}

function openSocket(library: Library): ConfigurableSocket {
  const must = (call: string, result: number): number => {
    if (result < 0) throw new KernelRefusal(call, library.errno());
    return result;
  };
  const fd = must('socket', library.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER));
  const set = (level: number, option: number, value: Buffer): void => {
    must('setsockopt', library.setsockopt(fd, level, option, value, value.length));
  };
  let port: number;
  try {
    must('bind', library.bind(fd, addressOf(0), SOCKET_ADDRESS_BYTES));
    const own = addressOf(0);
    must('getsockname', library.getsockname(fd, own, int32(SOCKET_ADDRESS_BYTES)));
    port = own.readUInt32LE(4);
    set(SOL_SOCKET, SO_RCVTIMEO, duration(WAIT_LIMIT_MS));
  } catch (error) {
    library.close(fd);
    throw error;
  }
  return {
    port,
    set,
    setBuffer(bytes) {
      // Past the limit for everybody only with CAP_NET_ADMIN; where that is refused, as much as everybody may have.
      const forced = library.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, int32(bytes), 4);
      if (forced < 0) set(SOL_SOCKET, SO_RCVBUF, int32(bytes));
    },
    wait: (into) =>
      new Promise((resolve, reject) => {
        read(fd, into, 0, into.length, null, (error, count) => {
          if (error === null) resolve(count);
          else if (error.code === 'EAGAIN' || error.code === 'EINTR') resolve(0);
          else reject(error);
        });
      }),
    take(into) {
      const count = library.recv(fd, into, into.length, MSG_DONTWAIT);
      if (count >= 0) return count;
      const refusal = new KernelRefusal('recv', library.errno());
      if (refusal.code === 'EAGAIN' || refusal.code === 'EINTR') return 0;
      throw refusal;
    },
    send(message, to = 0) {
      must('sendto', library.sendto(fd, message, message.length, MSG_DONTWAIT, addressOf(to), SOCKET_ADDRESS_BYTES));
    },
    close: () => void library.close(fd),
  };
}

function addressOf(port: number): Buffer {
  const bytes = Buffer.alloc(SOCKET_ADDRESS_BYTES);
  bytes.writeUInt16LE(AF_NETLINK, 0);
  bytes.writeUInt32LE(port, 4);
  return bytes;
}

function int32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(number);
  return bytes;
}

/** A `struct timeval`. */
function duration(ms: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(BigInt(Math.floor(ms / 1_000)), 0);
  bytes.writeBigInt64LE(BigInt((ms % 1_000) * 1_000), 8);
  return bytes;
}
