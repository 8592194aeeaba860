import { join } from 'node:path';
import {
  type CallExpression,
  type Expression,
  type Node,
  type PropertyAccessExpression,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { API, type Checker, type Type } from 'typescript/unstable/sync';

/** Statements that are left to themselves, with the line they stand on. */
interface Statement {
  readonly expression: Expression;
  readonly line: number;
}

/** Whether a call hands its promise's failure to somebody: `p.catch(f)`, `p.then(f, g)`, or either before `finally`. */
function isHandled(expression: Expression): boolean {
  if (expression.kind !== SyntaxKind.CallExpression) return false;
  const call = expression as CallExpression;
  if (call.expression.kind !== SyntaxKind.PropertyAccessExpression) return false;
  const access = call.expression as PropertyAccessExpression;
  if (access.name.text === 'catch') return call.arguments.length > 0;
  if (access.name.text === 'then') return call.arguments.length > 1;
  return access.name.text === 'finally' && isHandled(access.expression);
}

function statementsOf(file: SourceFile): Statement[] {
  const found: Statement[] = [];
  const lineStarts = [...file.text.matchAll(/^/gm)].map((match) => match.index);
  const visit = (node: Node): void => {
    if (node.kind === SyntaxKind.ExpressionStatement) {
      const { expression } = node as Node & { expression: Expression };
      const calls = expression.kind === SyntaxKind.CallExpression || expression.kind === SyntaxKind.NewExpression;
      const position = expression.end;
      if (calls && !isHandled(expression)) {
        found.push({ expression, line: lineStarts.filter((start) => start < position).length });
      }
    }
    node.forEachChild(visit);
  };
  visit(file);
  return found;
}

function isPromise(type: Type | undefined, checker: Checker): boolean {
  if (type === undefined) return false;
  const present = checker.getNonNullableType(type) ?? type;
  return checker.getPropertyOfType(present, 'then') !== undefined;
}

/**
 * Statements of a project's own TypeScript files that make a promise and leave it alone: its failure would end the
 * process, or be lost. Found with the compiler's own types, those of Node and of packages included.
 *
 * @param dir holds the tsconfig.json
 * @returns `path:line`
 */
export function floatingPromises(dir: string): string[] {
  const api = new API({ cwd: dir });
  try {
    const config = join(dir, 'tsconfig.json');
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (project === undefined) throw new Error(`the compiler does not open ${config}`);
    return project.rootFiles.flatMap((path) => {
      const file = project.program.getSourceFile(path);
      const statements = file === undefined ? [] : statementsOf(file);
      const types = project.checker.getTypeAtLocation(statements.map(({ expression }) => expression));
      return statements.flatMap(({ line }, index) =>
        isPromise(types[index], project.checker) ? [`${path.slice(dir.length + 1)}:${line}`] : [],
      );
    });
  } finally {
    api.close();
  }
}
