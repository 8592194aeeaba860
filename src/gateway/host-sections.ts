/**
 * What the host as a whole says about itself, part by part: each part of the daemon adds its own section when it is
 * wired, and every door shows them together. A section is plain JSON and tells no secret.
 */
export interface HostSections {
  /** `read` is called for every look; it answers at once and never throws for a reason a reader should miss the rest. */
  add(name: string, read: () => unknown): void;
  /** Every section under its name; one that throws shows as `{ error }`. */
  read(): Readonly<Record<string, unknown>>;
}

export function createHostSections(): HostSections {
  const sections = new Map<string, () => unknown>();
  const readOne = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
  return {
    add: (name, read) => {
      if (sections.has(name)) throw new Error(`The host section ${name} exists already.`);
      sections.set(name, read);
    },
    read: () => Object.fromEntries([...sections].map(([name, read]) => [name, readOne(read)])),
  };
}
