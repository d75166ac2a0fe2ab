/** The events for the difference between two graphs of a file. */
import type { TidemarkClient } from 'tidemark-client';
import type { Entity, Relationship, SourceGraph } from './source-graph.ts';

export type Body = Parameters<TidemarkClient['broadcast']>[0];

/**
 * The events that change a graph from one state to another. Entities are created before the relationships between them, and deleted after
 * these relationships. Entities and relationships that are equal in both states cause no event.
 */
export function changesOf(before: SourceGraph, after: SourceGraph): readonly Body[] {
  const was = new Map(before.entities.map((each) => [each.id, each]));
  const is = new Map(after.entities.map((each) => [each.id, each]));
  const related = new Set(before.relationships.map(({ id }) => id));
  const relates = new Set(after.relationships.map(({ id }) => id));
  const saved = after.entities.flatMap((entity) => savedEvent(was.get(entity.id), entity));
  return [
    ...saved,
    ...after.relationships.filter(({ id }) => !related.has(id)).map(createdRelationship),
    ...before.relationships.filter(({ id }) => !relates.has(id)).map(deletedRelationship),
    ...before.entities.filter(({ id }) => !is.has(id)).map(deletedEntity),
  ];
}

function savedEvent(before: Entity | undefined, entity: Entity): readonly Body[] {
  if (before === undefined) return [{ event: 'entity_created', payload: { ...entity } }];
  const changedFields = (Object.keys(entity) as (keyof Entity)[]).filter((field) => entity[field] !== before[field]);
  return changedFields.length === 0 ? [] : [{ event: 'entity_updated', payload: { ...entity, changedFields } }];
}

function deletedEntity({ id, entityType, name, path }: Entity): Body {
  return { event: 'entity_deleted', payload: { id, entityType, name, path } };
}

function createdRelationship(relationship: Relationship): Body {
  return { event: 'relationship_created', payload: { ...relationship } };
}

function deletedRelationship(relationship: Relationship): Body {
  return { event: 'relationship_deleted', payload: { ...relationship } };
}
