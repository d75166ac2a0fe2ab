/**
 * The graph of one source file: the file, its functions, classes and methods, and its imports. A pure function of path and text, so the
 * same text gives the same ids and hashes in every run.
 *
 *     file:src/a.ts ──contains──▶ class:src/a.ts#Shop ──contains──▶ method:src/a.ts#Shop.open
 *          └──imports──▶ file:src/b.ts, module:node:fs
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { parse } from '@babel/parser';
import type { ParserPlugin } from '@babel/parser';

export interface Entity {
  readonly id: string;
  readonly entityType: 'file' | 'function' | 'class' | 'method';
  readonly name: string;
  readonly path: string;
  readonly language: 'typescript' | 'javascript';
  /** SHA-256 of the entity's text, shortened. */
  readonly hash: string;
}

export interface Relationship {
  readonly id: string;
  readonly relationshipType: 'contains' | 'imports';
  readonly fromEntityId: string;
  readonly toEntityId: string;
}

export interface SourceGraph {
  readonly entities: readonly Entity[];
  readonly relationships: readonly Relationship[];
}

export const NO_GRAPH: SourceGraph = { entities: [], relationships: [] };

const SOURCE = /\.(?:[cm]?[jt]s|[jt]sx)$/;

export function isSource(path: string): boolean {
  return SOURCE.test(path);
}

/** The file that an entity is in: `method:src/a.ts#Shop.open` is in `src/a.ts`. */
export function pathOf(entityId: string): string {
  return entityId.replace(/^[a-z]+:/, '').replace(/#.*$/, '');
}

type Program = ReturnType<typeof parse>['program'];
type Statement = Program['body'][number];
type Declared = Pick<Entity, 'entityType' | 'name'> & { readonly node: Span; readonly owner?: string };

interface Span {
  readonly start?: number | null;
  readonly end?: number | null;
}

/** @throws {SyntaxError} while the text is incomplete, for example because somebody is typing */
export function graphOf(path: string, text: string): SourceGraph {
  const isTypeScript = /tsx?$/.test(path);
  const language = isTypeScript ? 'typescript' : 'javascript';
  const plugins: ParserPlugin[] = ['decorators', ...(isTypeScript ? ['typescript' as const] : [])];
  if (path.endsWith('sx') || !isTypeScript) plugins.push('jsx');
  const { body } = parse(text, { sourceType: 'unambiguous', plugins }).program;
  const file: Entity = { id: `file:${path}`, entityType: 'file', name: path, path, language, hash: hashOf(text) };
  const entities = new Map([[file.id, file]]);
  const relationships = new Map<string, Relationship>();
  const relate = (relationshipType: Relationship['relationshipType'], from: string, to: string): void => {
    const id = `${relationshipType}:${from}>${to}`;
    relationships.set(id, { id, relationshipType, fromEntityId: from, toEntityId: to });
  };
  for (const { entityType, name, node, owner } of body.flatMap(declaredBy)) {
    const id = `${entityType}:${path}#${name}`;
    const hash = hashOf(text.slice(node.start ?? 0, node.end ?? 0));
    entities.set(id, { id, entityType, name, path, language, hash });
    relate('contains', owner === undefined ? file.id : `class:${path}#${owner}`, id);
  }
  for (const specifier of body.flatMap(importedBy)) relate('imports', file.id, targetOf(specifier, path));
  return { entities: [...entities.values()], relationships: [...relationships.values()] };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function declaredBy(statement: Statement): readonly Declared[] {
  switch (statement.type) {
    case 'ExportNamedDeclaration':
      return statement.declaration ? declaredBy(statement.declaration) : [];
    case 'ExportDefaultDeclaration': {
      const { declaration } = statement;
      const isNamed = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration';
      return isNamed ? declaredBy(declaration) : [];
    }
    case 'FunctionDeclaration':
      return [{ entityType: 'function', name: statement.id?.name ?? 'default', node: statement }];
    case 'ClassDeclaration': {
      const name = statement.id?.name ?? 'default';
      const methods = statement.body.body.flatMap((member): readonly Declared[] =>
        member.type === 'ClassMethod' && member.key.type === 'Identifier'
          ? [{ entityType: 'method', name: `${name}.${member.key.name}`, node: member, owner: name }]
          : [],
      );
      return [{ entityType: 'class', name, node: statement }, ...methods];
    }
    case 'VariableDeclaration':
      return statement.declarations.flatMap(({ id, init }): readonly Declared[] =>
        id.type === 'Identifier' && (init?.type === 'ArrowFunctionExpression' || init?.type === 'FunctionExpression')
          ? [{ entityType: 'function', name: id.name, node: init }]
          : [],
      );
    default:
      return [];
  }
}

function importedBy(statement: Statement): readonly string[] {
  switch (statement.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
      return [statement.source.value];
    case 'ExportNamedDeclaration':
      return statement.source ? [statement.source.value] : [];
    default:
      return [];
  }
}

function targetOf(specifier: string, path: string): string {
  if (!/^\.\.?\//.test(specifier)) return `module:${specifier}`;
  return `file:${posix.normalize(posix.join(posix.dirname(path), specifier))}`;
}
