import { z } from 'zod';

/** How a guest of an image tells that it is ready. */
export type ReadyRule =
  | { readonly by: 'agent' }
  | { readonly by: 'port'; readonly guestPort: number }
  | { readonly by: 'console'; readonly pattern: RegExp }
  | { readonly by: 'immediate' };

const PORT_MAX = 65_535;
const PATTERN_LENGTH_MAX = 200;
const IMAGE_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Whether a text may name an image; such a name is also a safe directory name. */
export function isImageName(name: string): boolean {
  return IMAGE_NAME.test(name);
}

/** Reads a ready rule of a manifest: `agent`, `port:N`, `console:REGEX` or `immediate`. Null when it is none of these. */
export function parseReadyRule(text: string): ReadyRule | null {
  if (text === 'agent' || text === 'immediate') return { by: text };
  const colon = text.indexOf(':');
  const [kind, rest] = [text.slice(0, colon), text.slice(colon + 1)];
  if (kind === 'port' && /^\d{1,5}$/.test(rest)) {
    const guestPort = Number(rest);
    return guestPort >= 1 && guestPort <= PORT_MAX ? { by: 'port', guestPort } : null;
  }
  if (kind !== 'console' || rest === '' || rest.length > PATTERN_LENGTH_MAX) return null;
  try {
    return { by: 'console', pattern: new RegExp(rest, 'm') };
  } catch {
    return null;
  }
}

const fileName = z.string().min(1).max(4096);
const portName = z.string().regex(/^[A-Za-z0-9._-]{1,100}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** `manifest.json` of an image directory. File names are relative to that directory, or absolute. */
export const manifestSchema = z
  .strictObject({
    name: z.string().regex(IMAGE_NAME),
    kernel: fileName,
    initrd: fileName.optional(),
    command_line: z.string().max(2048),
    ready: z.string().refine((text) => parseReadyRule(text) !== null, 'one of agent, port:N, console:REGEX, immediate'),
    agent_port: portName.optional(),
    identity_command: z
      .string()
      .regex(/^\/[\w./-]{1,255}$/)
      .optional(),
    exit_port: portName.optional(),
    memory_min_bytes: z.int().nonnegative().default(0),
    guest_ports: z.array(z.int().min(1).max(PORT_MAX)).max(64).default([]),
    digests: z.record(z.string(), sha256).default({}),
  })
  .refine((manifest) => manifest.ready !== 'agent' || manifest.agent_port !== undefined, {
    path: ['agent_port'],
    message: 'ready by agent needs an agent_port',
  });

export type Manifest = z.infer<typeof manifestSchema>;

/** The text of a ready rule, as a manifest has it. */
export function formatReadyRule(rule: ReadyRule): string {
  if (rule.by === 'port') return `port:${rule.guestPort}`;
  return rule.by === 'console' ? `console:${rule.pattern.source}` : rule.by;
}
