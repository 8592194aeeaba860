/**
 * The Debian packages that the project's tests and its real virtual machines need, one sentence each on what for. The
 * list is written once, here; bin/prepare-debian.js installs what is missing of it. A package's `service` is one that
 * Debian would start with the machine, which somebody who wanted to try this project did not ask for. Those of which
 * `only` says that tests need them are not installed to run it.
 *
 * @typedef {{ name: string, why: string, service?: string, only?: 'tests' }} DebianPackage
 * @type {readonly DebianPackage[]}
 */
export const debianPackages = [
  { name: 'qemu-system-x86', why: 'Runs the real virtual machines; without it only the simulator is left.' },
  { name: 'linux-image-cloud-amd64', why: 'The kernel of the demo guest.' },
  { name: 'busybox-static', why: 'The user space of the demo guest, in one static binary.' },
  { name: 'iproute2', why: 'Makes the bridge and the taps of guests with addresses of their own.' },
  { name: 'nftables', why: 'Keeps such a guest to its own address.' },
  { name: 'conntrack', why: "Tells who talks to guests where the kernel's events cannot be read directly." },
  {
    name: 'nats-server',
    why: 'The private message server started as a child process, for the NATS door and its tests.',
    service: 'nats-server.service',
  },
  {
    name: 'systemd',
    why: 'Checks the unit file in packaging/systemd, and sends the messages that the service manager waits for.',
    only: 'tests',
  },
  { name: 'e2fsprogs', why: 'The file system on a disk that fails in a test.', only: 'tests' },
  { name: 'chromium', why: "Opens the inspector's page in its tests.", only: 'tests' },
  { name: 'fonts-dejavu-core', why: 'The letters on the screenshots of that page.', only: 'tests' },
];

/** What it takes to run. */
export const packagesToRun = debianPackages.filter(({ only }) => only === undefined);
