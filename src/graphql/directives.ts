import {
  DirectiveLocation,
  GraphQLDirective,
  GraphQLEnumType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLString,
} from 'graphql';
import { ERROR_CODES } from '../errors.js';

/** From the widest to the strictest: who passes one passes all before it. */
export const ACCESS = ['PUBLIC', 'SIGNED_IN', 'SELF_OR_ADMIN', 'ADMIN'] as const;
export type Access = (typeof ACCESS)[number];

const accessEnum = new GraphQLEnumType({
  name: 'Access',
  description: 'Who may use a field.',
  values: {
    PUBLIC: { description: 'Anyone, signed in or not.' },
    SIGNED_IN: { description: 'Any signed-in, active user.' },
    SELF_OR_ADMIN: {
      description:
        "The user that the field is about (the parent `User`, or the root field's `id` argument), or an admin.",
    },
    ADMIN: { description: 'Admins.' },
  } satisfies Record<Access, object>,
});

const errorCodeEnum = new GraphQLEnumType({
  name: 'ErrorCode',
  description: 'Every value of `extensions.code` that an answer can carry.',
  values: Object.fromEntries(Object.entries(ERROR_CODES).map(([code, description]) => [code, { description }])),
});

export const authDirective = new GraphQLDirective({
  name: 'auth',
  description:
    'Who may use a field. Checked before its resolver runs. A field that no rule covers stops the server from starting.',
  locations: [DirectiveLocation.OBJECT, DirectiveLocation.FIELD_DEFINITION],
  args: { requires: { type: new GraphQLNonNull(accessEnum) } },
});

export const errorsDirective = new GraphQLDirective({
  name: 'errors',
  description:
    'The codes that a field may fail with, beside UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED and SERVICE_OVERLOADED, which any field may. A code that is thrown but not listed leaves as INTERNAL_SERVER_ERROR.',
  locations: [DirectiveLocation.FIELD_DEFINITION],
  args: { codes: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(errorCodeEnum))) } },
});

export const onceDirective = new GraphQLDirective({
  name: 'once',
  description:
    'At most one field with this directive runs in an operation: each is an attempt at a password or token, or a mail.',
  locations: [DirectiveLocation.FIELD_DEFINITION],
});

// The cost directives of IBM's specification, https://ibm.github.io/graphql-specs/cost-spec.html.
export const costDirective = new GraphQLDirective({
  name: 'cost',
  description: 'What reading the field once costs. Without it an object costs 1, and a value 0.',
  locations: [DirectiveLocation.FIELD_DEFINITION],
  args: { weight: { type: new GraphQLNonNull(GraphQLString) } },
});

const names = new GraphQLList(new GraphQLNonNull(GraphQLString));

export const listSizeDirective = new GraphQLDirective({
  name: 'listSize',
  description:
    'How many objects a field may bring: as many as an argument says, or else `assumedSize`. `sizedFields` are the lists of its answer.',
  locations: [DirectiveLocation.FIELD_DEFINITION],
  args: {
    assumedSize: { type: GraphQLInt },
    slicingArguments: { type: names },
    sizedFields: { type: names },
  },
});
