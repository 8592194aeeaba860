/**
 * The Debian packages that the project's tests and its real virtual machines need, one sentence each on what for. The
 * list is written once, here; bin/prepare-debian.js installs what is missing of it. A package's `service` is one that
 * Debian would start with the machine, which somebody who wanted to try this project did not ask for.
 *
 * @type {readonly { name: string, why: string, service?: string }[]}
 */
export const debianPackages = [
  { name: 'qemu-system-x86', why: 'Runs the real virtual machines; without it only the simulator is left.' },
  { name: 'linux-image-cloud-amd64', why: 'The kernel of the demo guest.' },
  { name: 'busybox-static', why: 'The user space of the demo guest, in one static binary.' },
  {
    name: 'nats-server',
    why: 'The private message server started as a child process, for the NATS door and its tests.',
    service: 'nats-server.service',
  },
];
