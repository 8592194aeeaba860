/**
 * A program for the demo guest that sends every datagram of IPv4 and IPv6 back to whoever it came from. Busybox has
 * nothing that hears UDP, so here it is, instruction by instruction: an ELF file of one segment for x86-64, as the kernel
 * of the demo image is. Whatever goes wrong ends it, and init starts it again.
 */

const BASE = 0x40_0000;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const CODE_AT = HEADER_BYTES + PROGRAM_HEADER_BYTES;
/** Longest datagram that goes through a link of 1500 bytes whole. */
const DATAGRAM_MAX_BYTES = 1472;
const ADDRESS_BYTES = 28;
const LENGTH_BYTES = 8;
const READ_WRITE_EXECUTE = 7;

const [SENDTO, RECVFROM, SOCKET, BIND, EXIT] = [44, 45, 41, 49, 60];
const [AF_INET6, SOCK_DGRAM] = [10, 2];

function number32(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
}

/** What the program holds beside its code: the address it hears at, and room for a datagram and its sender. */
interface Places {
  readonly heardAt: number;
  readonly sender: number;
  readonly senderBytes: number;
  readonly datagram: number;
}

const SYSCALL = [0x0f, 0x05];
const set = { eax: 0xb8, edi: 0xbf, esi: 0xbe, edx: 0xba };
const load = (register: keyof typeof set, value: number): number[] => [set[register], ...number32(value)];
const EDI_FROM_EBX = [0x89, 0xdf];
const EDX_FROM_EAX = [0x89, 0xc2];
const EBX_FROM_EAX = [0x89, 0xc3];
const CLEAR_EDX = [0x31, 0xd2];
const CLEAR_R10D = [0x45, 0x31, 0xd2];
const TEST_EAX = [0x85, 0xc0];

function code({ heardAt, sender, senderBytes, datagram }: Places): number[] {
  const r8dIs = (value: number): number[] => [0x41, 0xb8, ...number32(value)];
  const r9dIs = (value: number): number[] => [0x41, 0xb9, ...number32(value)];
  const r9dFrom = (place: number): number[] => [0x44, 0x8b, 0x0c, 0x25, ...number32(place)];
  const store = (place: number, value: number): number[] => [0xc7, 0x04, 0x25, ...number32(place), ...number32(value)];
  // ebx = socket(AF_INET6, SOCK_DGRAM, 0); it hears IPv4 as well
  const open = [...load('eax', SOCKET), ...load('edi', AF_INET6), ...load('esi', SOCK_DGRAM), ...CLEAR_EDX, ...SYSCALL];
  // bind(ebx, heardAt, ADDRESS_BYTES)
  const bind = [...load('eax', BIND), ...EDI_FROM_EBX, ...load('esi', heardAt), ...load('edx', ADDRESS_BYTES)];
  // eax = recvfrom(ebx, datagram, DATAGRAM_MAX_BYTES, 0, sender, senderBytes)
  const hear = [
    ...store(senderBytes, ADDRESS_BYTES),
    ...[...load('eax', RECVFROM), ...EDI_FROM_EBX, ...load('esi', datagram), ...load('edx', DATAGRAM_MAX_BYTES)],
    ...[...CLEAR_R10D, ...r8dIs(sender), ...r9dIs(senderBytes), ...SYSCALL],
  ];
  // sendto(ebx, datagram, eax, 0, sender, *senderBytes)
  const answer = [
    ...[...EDX_FROM_EAX, ...load('eax', SENDTO), ...EDI_FROM_EBX, ...load('esi', datagram)],
    ...[...CLEAR_R10D, ...r8dIs(sender), ...r9dFrom(senderBytes), ...SYSCALL],
  ];
  // exit(1)
  const end = [...load('eax', EXIT), ...load('edi', 1), ...SYSCALL];
  // Jumps of two bytes each: to the end when the system call before failed; and back to where the next datagram is heard.
  const jump = (opcode: number, distance: number): number[] => [opcode, distance & 0xff];
  const whenFailed = (distance: number): number[] => [...TEST_EAX, ...jump(0x78, distance)];
  const back = jump(0xeb, -(hear.length + whenFailed(0).length + answer.length + 2));
  const loop = [...hear, ...whenFailed(answer.length + back.length), ...answer, ...back];
  return [...open, ...EBX_FROM_EAX, ...bind, ...SYSCALL, ...whenFailed(loop.length), ...loop, ...end];
}

/** The program that hears at this port, on every address. */
export function udpEcho(port: number): Buffer {
  const codeBytes = code({ heardAt: 0, sender: 0, senderBytes: 0, datagram: 0 }).length;
  const heardAt = BASE + CODE_AT + codeBytes;
  const sender = heardAt + ADDRESS_BYTES;
  const senderBytes = sender + ADDRESS_BYTES;
  const datagram = senderBytes + LENGTH_BYTES;
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_INET6, 0);
  address.writeUInt16BE(port, 2);
  const body = Buffer.from(code({ heardAt, sender, senderBytes, datagram }));
  const fileBytes = CODE_AT + codeBytes + ADDRESS_BYTES;
  const memoryBytes = datagram + DATAGRAM_MAX_BYTES - BASE;
  return Buffer.concat([elfHeader(), programHeader(fileBytes, memoryBytes), body, address]);
}

function elfHeader(): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  // 64 bits, little-endian, version 1.
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  const [executable, x86_64] = [2, 62];
  header.writeUInt16LE(executable, 16);
  header.writeUInt16LE(x86_64, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(BASE + CODE_AT), 24);
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(1, 56);
  return header;
}

function programHeader(fileBytes: number, memoryBytes: number): Buffer {
  const header = Buffer.alloc(PROGRAM_HEADER_BYTES);
  const [loaded, pageBytes] = [1, 0x1000];
  header.writeUInt32LE(loaded, 0);
  header.writeUInt32LE(READ_WRITE_EXECUTE, 4);
  header.writeBigUInt64LE(BigInt(BASE), 16);
  header.writeBigUInt64LE(BigInt(BASE), 24);
  header.writeBigUInt64LE(BigInt(fileBytes), 32);
  header.writeBigUInt64LE(BigInt(memoryBytes), 40);
  header.writeBigUInt64LE(BigInt(pageBytes), 48);
  return header;
}
