import { Field, ID, InterfaceType } from 'type-graphql';

/** By this interface, clients such as Relay read an object again. Today all of them are users. */
@InterfaceType({ description: 'What `node` finds. Its fields have the rules of the type that it is.' })
export abstract class Node {
  @Field(() => ID, { description: 'A UUID; treat it as opaque.' })
  id!: string;
}
