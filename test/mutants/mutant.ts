/**
 * One planted defect: a small change of the code, and the one test that has to notice it. A table in
 * docs/reference/defects.md says which known defect each of them stands for.
 */
export interface Mutant {
  /** A plain sentence, the same as in the table: what the changed code does wrong. */
  readonly name: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly put: string;
  readonly killedBy: NamedTest;
}

/** The title is what stands in the file, so placeholders of `it.each` are written as they are there. */
export interface NamedTest {
  readonly file: string;
  readonly title: string;
}

/** Throws when the text to change does not stand there exactly once: the mutant has to be brought up to date. */
export function planted(text: string, { file, find, put }: Pick<Mutant, 'file' | 'find' | 'put'>): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`${file} holds the text to change ${places} times, not once`);
  if (find === put) throw new Error('nothing would be changed');
  return text.replace(find, () => put);
}

/** Matches the names that a title in a file stands for, with `%s` or `$name` filled in. */
export function namesOf(title: string): RegExp {
  const literal = title.split(/%[sdifjo]|\$[\w.]+/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`);
}
