import { isMap, isNode, isPair, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml';

/** Where something stands in a file, both counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Path = readonly PropertyKey[];

/** A file that cannot be used as it is written: what is wrong, and where. */
export class PlacedError extends Error {
  override readonly name: string = 'PlacedError';
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.place = place;
  }
}

export interface YamlSource {
  readonly value: unknown;
  /** Where the value at this path begins; for a path that is not there, the nearest thing around it that is. */
  place(path: Path): Place;
  /** Where this key of the mapping at this path stands. */
  placeOfKey(path: Path, key: string): Place;
}

/** Throws PlacedError at the first place where the text is not YAML. */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const [error] = document.errors;
  if (error !== undefined) throw new PlacedError(error.message, placeAt(error.pos[0]));
  const offsetOf = (node: unknown): number | null => (isNode(node) ? ((node as ParsedNode).range?.[0] ?? null) : null);
  const nodeAt = (path: Path): unknown => (path.length === 0 ? document.contents : document.getIn(path, true));
  const place = (path: Path): Place => {
    for (let length = path.length; length >= 0; length--) {
      const offset = offsetOf(nodeAt(path.slice(0, length)));
      if (offset !== null) return placeAt(offset);
    }
    return { line: 1, column: 1 };
  };
  return {
    value: toValue(document.contents, () => document.toJS(), placeAt),
    place,
    placeOfKey(path, key) {
      const node = nodeAt(path);
      const pair = isMap(node) ? node.items.find((item) => isPair(item) && keyText(item.key) === key) : undefined;
      const offset = offsetOf(pair?.key);
      return offset === null ? place(path) : placeAt(offset);
    },
  };
}

function keyText(key: unknown): string {
  return isNode(key) && 'value' in key ? String(key.value) : String(key);
}

/** Aliases that would unfold into far more than was written are refused by the parser with an error of its own. */
function toValue(contents: Node | null, read: () => unknown, placeAt: (offset: number) => Place): unknown {
  try {
    return read();
  } catch (error) {
    const offset = (contents as ParsedNode | null)?.range?.[0] ?? 0;
    throw new PlacedError(error instanceof Error ? error.message : String(error), placeAt(offset));
  }
}
