type Fields = Readonly<Record<string, unknown>>;

export interface AcceptedRow {
  readonly rule: string;
  /** Fields of a create or of an update. */
  readonly given: Fields;
  /** What the view shows under the same names; undefined where it shows nothing. */
  readonly shown: Fields;
}

export interface RefusedRow {
  readonly rule: string;
  readonly given: Fields;
  readonly code: string;
  readonly field: string;
  /** A part of the message: what was expected. */
  readonly told: string;
}

/** Rows about what one policy accepts. */
export const accepting =
  (policy: string) =>
  (rule: string, given: unknown, shown: unknown): AcceptedRow => {
    return { rule: `${policy}: ${rule}`, given: { [policy]: given }, shown: { [policy]: shown } };
  };

/** Rows about what one policy refuses under its code. */
export const refusals =
  (policy: string, code: string) =>
  (rule: string, given: unknown, field: string, told: string): RefusedRow => {
    const dotted = field === '' ? policy : `${policy}.${field}`;
    return { rule: `${dotted} ${rule}`, given: { [policy]: given }, code, field: dotted, told };
  };
