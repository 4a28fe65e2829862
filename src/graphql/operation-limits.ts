import { getDirective } from '@graphql-tools/utils';
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLBoolean,
  type GraphQLField,
  GraphQLInt,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  getVariableValues,
  isLeafType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  valueFromAST,
} from 'graphql';
import { beyondLimit, type IdentityError } from '../errors.js';
import { MAX_SIZE } from '../paging/connection.js';

/**
 * What one operation may ask for, as it is executed: a fragment counts at each place where it is spread, and what
 * `@skip` or `@include` leaves out does not count.
 */
export const OPERATION_LIMITS = {
  /** Levels of fields. GraphQL bounds those of introspection itself. */
  depth: { most: 10, code: 'TOO_DEEP', what: 'levels of fields' },
  /** Fields of the query or mutation itself. */
  rootFields: { most: 10, code: 'TOO_MANY_ROOT_FIELDS', what: 'root fields' },
  /** Fields with a name of the client's own. */
  aliases: { most: 15, code: 'TOO_MANY_ALIASES', what: 'aliases' },
  /** Directives at one field or one spread. */
  directives: { most: 3, code: 'TOO_MANY_DIRECTIVES', what: 'directives in one place' },
  /**
   * Fields, spreads and inline fragments, at each place where they are spread: 48 fragments that spread each other twice
   * would be looked at for days, also where they cost nothing.
   */
  selections: { most: 5_000, code: 'TOO_COSTLY', what: 'fields and fragments' },
  /** Objects that may be read, by `@cost` and `@listSize`. */
  cost: { most: 5_000, code: 'TOO_COSTLY', what: 'objects to read' },
  /** Fields with `@once`. */
  once: { most: 1, code: 'ONCE_PER_OPERATION', what: 'field with @once' },
} as const;

/** What the schema says of one field. */
interface FieldLimits {
  /** `@once`. */
  once: boolean;
  /** What it costs for each of its parents. */
  weight: number;
  /** Objects in the list, where no argument says it. */
  assumedSize: number;
  /** Arguments that say how many there are. */
  slicingArguments: string[];
  /** Fields of the answer that are the list; empty where the field is the list itself. */
  sizedFields: string[];
}

export interface CheckedOperation {
  cost: number;
  refusal: IdentityError | null;
}

type Field = GraphQLField<unknown, unknown>;
type Variables = Record<string, unknown>;

/**
 * Refuses an operation that is beyond a limit, before any of it runs. It is asked for each request: what a document
 * costs follows from its variables, and the library checks a document that it knows only once.
 */
export class OperationLimits {
  readonly #fields = new Map<Field, FieldLimits>();

  constructor(private readonly schema: GraphQLSchema) {
    for (const type of Object.values(schema.getTypeMap()).filter(isObjectType)) {
      for (const field of Object.values(type.getFields())) this.#fields.set(field, limitsOf(schema, field));
    }
  }

  /**
   * What an operation costs, and the first limit that it is beyond, or null. The variables fit their types.
   */
  check(document: DocumentNode, operation: OperationDefinitionNode, given: Variables): CheckedOperation {
    // As the execution has them, defaults too: another reading of them would be a way round the limits.
    const { coerced = {} } = getVariableValues(this.schema, operation.variableDefinitions ?? [], given);
    return new Walk(this.schema, this.#fields, fragmentsIn(document), coerced).check(operation);
  }

  /**
   * What an operation costs at most, whatever its variables are, and the first limit beside the cost that it is beyond.
   */
  measure(document: DocumentNode, operation: OperationDefinitionNode): CheckedOperation {
    return new Walk(this.schema, this.#fields, fragmentsIn(document), null).check(operation);
  }
}

function fragmentsIn({ definitions }: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

/** Thrown to end the walk: what is left of the document is not looked at. */
class Beyond extends Error {
  constructor(readonly refusal: IdentityError) {
    super(refusal.message);
  }
}

class Walk {
  #cost = 0;
  #selections = 0;
  #aliases = 0;
  readonly #rootKeys = new Set<string>();
  readonly #onceKeys = new Set<string>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly fields: Map<Field, FieldLimits>,
    private readonly fragments: Map<string, FragmentDefinitionNode>,
    /** Null where they are not known: then everything is included, and a page is as long as it may be. */
    private readonly variables: Variables | null,
  ) {}

  check(operation: OperationDefinitionNode): CheckedOperation {
    const root = this.schema.getRootType(operation.operation);
    try {
      if (root) this.#enter(operation.selectionSet, root, { depth: 1, objects: 1, sizes: new Map() });
      return { cost: this.#cost, refusal: null };
    } catch (error) {
      if (error instanceof Beyond) return { cost: this.#cost, refusal: error.refusal };
      throw error;
    }
  }

  #enter(selections: SelectionSetNode, parent: GraphQLNamedType, at: At): void {
    for (const selection of selections.selections) {
      this.#count(++this.#selections > OPERATION_LIMITS.selections.most, 'selections');
      this.#count((selection.directives?.length ?? 0) > OPERATION_LIMITS.directives.most, 'directives');
      if (!this.#isIncluded(selection)) continue;
      if (selection.kind === Kind.FIELD) {
        this.#enterField(selection, parent, at);
        continue;
      }
      const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? this.fragments.get(selection.name.value) : selection;
      if (!fragment) continue;
      const condition = fragment.typeCondition?.name.value;
      this.#enter(fragment.selectionSet, (condition && this.schema.getType(condition)) || parent, at);
    }
  }

  #enterField(node: FieldNode, parent: GraphQLNamedType, { depth, objects, sizes }: At): void {
    const name = node.name.value;
    const key = node.alias?.value ?? name;
    if (node.alias) this.#count(++this.#aliases > OPERATION_LIMITS.aliases.most, 'aliases');
    if (depth === 1) this.#count(this.#rootKeys.add(key).size > OPERATION_LIMITS.rootFields.most, 'rootFields');
    // Introspection begins with two underscores.
    const field = name.startsWith('__') || !isObjectType(parent) ? undefined : parent.getFields()[name];
    const limits = field && this.fields.get(field);
    if (!limits) return;
    this.#count(depth > OPERATION_LIMITS.depth.most, 'depth');
    if (limits.once) this.#count(this.#onceKeys.add(key).size > OPERATION_LIMITS.once.most, 'once');
    const size = this.#sizeOf(node, limits);
    const isPage = limits.sizedFields.length > 0;
    const times = objects * (sizes.get(name) ?? (isPage ? 1 : size));
    this.#cost += times * limits.weight;
    this.#count(this.variables !== null && this.#cost > OPERATION_LIMITS.cost.most, 'cost');
    if (!node.selectionSet) return;
    const within = new Map(limits.sizedFields.map((list) => [list, size]));
    this.#enter(node.selectionSet, getNamedType(field.type), { depth: depth + 1, objects: times, sizes: within });
  }

  #count(isBeyond: boolean, limit: keyof typeof OPERATION_LIMITS): void {
    if (!isBeyond) return;
    const { most, code, what } = OPERATION_LIMITS[limit];
    throw new Beyond(beyondLimit(code, `The operation has more than ${most} ${what}.`, most));
  }

  #isIncluded({ directives = [] }: SelectionNode): boolean {
    return directives.every(({ name, arguments: given = [] }) => {
      if (name.value !== 'skip' && name.value !== 'include') return true;
      const condition = given.find((argument) => argument.name.value === 'if');
      if (this.variables === null) return true;
      return condition && valueFromAST(condition.value, GraphQLBoolean, this.variables) === (name.value === 'include');
    });
  }

  #sizeOf(node: FieldNode, { slicingArguments, assumedSize }: FieldLimits): number {
    const sizes = (node.arguments ?? [])
      .filter(({ name }) => slicingArguments.includes(name.value))
      .map(({ value }) =>
        this.variables === null && value.kind === Kind.VARIABLE
          ? MAX_SIZE
          : valueFromAST(value, GraphQLInt, this.variables),
      )
      .filter((size) => typeof size === 'number');
    return sizes.length === 0 ? assumedSize : Math.min(Math.max(...sizes, 0), MAX_SIZE);
  }
}

/** Where the walk is. */
interface At {
  depth: number;
  /** How many parents there may be. */
  objects: number;
  /** How long the lists are that the parent is a page of, by their fields. */
  sizes: ReadonlyMap<string, number>;
}

function limitsOf(schema: GraphQLSchema, field: Field): FieldLimits {
  const [cost] = getDirective(schema, field, 'cost') ?? [];
  const [list = {}] = getDirective(schema, field, 'listSize') ?? [];
  const ownWeight = isLeafType(getNamedType(field.type)) ? 0 : 1;
  return {
    once: getDirective(schema, field, 'once') !== undefined,
    weight: cost ? Number(cost.weight) : ownWeight,
    assumedSize: list.assumedSize ?? (isListType(getNullableType(field.type)) ? MAX_SIZE : 1),
    slicingArguments: list.slicingArguments ?? [],
    sizedFields: list.sizedFields ?? [],
  };
}
