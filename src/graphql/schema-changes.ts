import {
  BreakingChangeType,
  DangerousChangeType,
  type DocumentNode,
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLSchema,
  getNamedType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';

/** What an operation that was written for an older schema gets in another shape. */
export interface SchemaChanges {
  /** Fields whose type is another one: a value may be null, or a list, where none was. */
  breaking: string[];
  /** Enums with more values than the client knows. */
  dangerous: string[];
}

/** Of all changes between two schemas, those that the answers to `document` show. It must fit the older one. */
export function changesFor(document: DocumentNode, older: GraphQLSchema, newer: GraphQLSchema): SchemaChanges {
  const [fields, types] = [new Set<string>(), new Set<string>()];
  const info = new TypeInfo(older);
  visit(
    document,
    visitWithTypeInfo(info, {
      Field() {
        const [parent, field] = [info.getParentType(), info.getFieldDef()];
        if (!parent || !field) return;
        fields.add(`${parent.name}.${field.name}`);
        types.add(getNamedType(field.type).name);
      },
    }),
  );
  const breaking = findBreakingChanges(older, newer)
    .filter(({ type }) => type === BreakingChangeType.FIELD_CHANGED_KIND)
    .filter(({ description }) => fields.has(description.split(' ')[0] as string));
  const dangerous = findDangerousChanges(older, newer)
    .filter(({ type }) => type === DangerousChangeType.VALUE_ADDED_TO_ENUM)
    .filter(({ description }) => types.has(description.replace(/\.$/, '').split(' ').at(-1) as string));
  return { breaking: breaking.map(textOf), dangerous: dangerous.map(textOf) };
}

const textOf = ({ description }: { description: string }) => description;
